/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of librpm for the header of a package file or of an installed package.
 *
 * The header of an installed package also has a state of each file. Files that rpm did not install,
 * or whose owner is now another package, are marked there, and rpm does not remove them when the
 * package is erased.
 */
#include "modfetch/rpm.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/error.h"
#include "modfetch/module-name.h"
#include "rpm-private.h"

#define HASH_SHA256 8 /* RFC 4880, 9.4; librpm renamed its constant between versions */

void mf_rpm_header_done(struct mf_rpm_header *header)
{
	for (size_t i = 0; i < header->n_files; i++) {
		struct mf_rpm_file *f = &header->files[i];

		free(f->path);
		free(f->link);
		free(f->user);
		free(f->group);
	}
	free(header->files);
	free(header->name);
	free(header->evr);
	free(header->arch);
	mf_strings_done(&header->scriptlets);
	mf_strings_done(&header->obsoletes);
	mf_strings_done(&header->uname_r);
	mf_strings_done(&header->kernels);
	*header = (struct mf_rpm_header){ 0 };
}

char *mf_rpm_label(const struct mf_rpm_header *header)
{
	return mf_format("%s-%s.%s", header->name, header->evr, header->arch);
}

static const struct {
	rpmTagVal tag;
	const char *name;
} scriptlet_tags[] = {
	{ RPMTAG_PREIN, "%pre" },
	{ RPMTAG_POSTIN, "%post" },
	{ RPMTAG_PREUN, "%preun" },
	{ RPMTAG_POSTUN, "%postun" },
	{ RPMTAG_PRETRANS, "%pretrans" },
	{ RPMTAG_POSTTRANS, "%posttrans" },
	{ RPMTAG_VERIFYSCRIPT, "%verifyscript" },
	{ RPMTAG_PREINPROG, "%pre -p" },
	{ RPMTAG_POSTINPROG, "%post -p" },
	{ RPMTAG_PREUNPROG, "%preun -p" },
	{ RPMTAG_POSTUNPROG, "%postun -p" },
	{ RPMTAG_PRETRANSPROG, "%pretrans -p" },
	{ RPMTAG_POSTTRANSPROG, "%posttrans -p" },
	{ RPMTAG_VERIFYSCRIPTPROG, "%verifyscript -p" },
	{ RPMTAG_TRIGGERSCRIPTS, "%trigger" },
	{ RPMTAG_FILETRIGGERSCRIPTS, "%filetrigger" },
	{ RPMTAG_TRANSFILETRIGGERSCRIPTS, "%transfiletrigger" },
};

static int header_read_lists(Header h, struct mf_rpm_header *ret)
{
	struct rpmtd_s td;
	int r = 0;

	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(scriptlet_tags); i++)
		if (headerIsEntry(h, scriptlet_tags[i].tag))
			r = mf_strings_add(&ret->scriptlets, scriptlet_tags[i].name);
	/* %preuntrans and %postuntrans of rpm 4.19: the rpm of this build may not know the tags */
	for (rpmTagVal tag = 5103; !r && tag <= 5106; tag++)
		if (headerIsEntry(h, tag))
			r = mf_strings_add(&ret->scriptlets, "%preuntrans or %postuntrans");
	if (!r && headerGet(h, RPMTAG_OBSOLETENAME, &td, HEADERGET_MINMEM)) {
		const char *name;

		while (!r && (name = rpmtdNextString(&td)))
			r = mf_strings_add(&ret->obsoletes, name);
		rpmtdFreeData(&td);
	}
	return r;
}

typedef int header_dep_visit(struct mf_rpm_header *ret, const char *name, const char *version);

/* Visits dependencies of one kind; NAMES and VERSIONS are its tags. */
static int each_dep(Header h, rpmTagVal names_tag, rpmTagVal versions_tag, header_dep_visit *visit,
		    struct mf_rpm_header *ret)
{
	struct rpmtd_s names, versions;
	const char *name;
	int r = 0;

	if (!headerGet(h, names_tag, &names, HEADERGET_MINMEM))
		return 0;
	if (!headerGet(h, versions_tag, &versions, HEADERGET_MINMEM))
		rpmtdReset(&versions);
	while (!r && (name = rpmtdNextString(&names))) {
		const char *version = rpmtdNextString(&versions);

		r = visit(ret, name, version ? version : "");
	}
	rpmtdFreeData(&names);
	rpmtdFreeData(&versions);
	return r;
}

/* A part of a kernel belongs to that one alone. */
static int on_uname_r(struct mf_rpm_header *ret, const char *name, const char *version)
{
	if (!mf_dep_is_uname_r(name) || !*version)
		return 0;
	ret->side_by_side |= !strcmp(ret->name, "kernel") || mf_starts_with(ret->name, "kernel-");
	return mf_strings_add_unique(&ret->kernels, version);
}

/*
 * The kernel release that the package provides, if any, and the accounts: since 4.19 rpm runs a
 * program for each "user(NAME)" and "group(NAME)" that a package provides.
 */
static int on_provide(struct mf_rpm_header *ret, const char *name, const char *version)
{
	static const char *const accounts[] = { "user(", "group(", "groupmember(" };
	int r = 0;

	if (!strcmp(name, "kernel-uname-r"))
		r = mf_strings_add(&ret->uname_r, version);
	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(accounts); i++)
		if (mf_starts_with(name, accounts[i]))
			r = mf_strings_add_unique(&ret->scriptlets, "sysusers entry");
	ret->side_by_side |= mf_dep_is_side_by_side(name);
	return r ? r : on_uname_r(ret, name, version);
}

/* What says less than the directories of its files counts only where there are none. */
static int read_kernels(Header h, struct mf_rpm_header *ret)
{
	_cleanup_(mf_strings_done) struct mf_strings directories = { 0 };
	const char *build = strstr(ret->evr, "_k");
	int r = mf_rpm_kernels(h, &directories);

	if (r < 0)
		return r;
	if (directories.n) {
		mf_strings_done(&ret->kernels);
		ret->kernels = directories;
		ret->has_module_directory = true;
		directories = (struct mf_strings){ 0 };
	} else if (!ret->kernels.n && build) {
		r = mf_strings_addn(&ret->kernels, build, strcspn(build, "-"));
	}
	return r;
}

static int header_read_files(Header h, struct mf_rpm_header *ret)
{
	rpmfiles files = rpmfilesNew(NULL, h, RPMTAG_BASENAMES, RPMFI_KEEPHEADER);
	/* the header of a package file has no states */
	bool states = headerIsEntry(h, RPMTAG_FILESTATES);
	int n = rpmfilesFC(files), r = 0;

	ret->files = calloc((size_t)n + 1, sizeof(*ret->files));
	for (int i = 0; ret->files && i < n; i++) {
		struct mf_rpm_file *f = &ret->files[ret->n_files++];
		size_t len = 0;
		const unsigned char *digest = rpmfilesFDigest(files, i, NULL, &len);
		const char *caps = rpmfilesFCaps(files, i);

		f->path = rpmfilesFN(files, i);
		f->link = strdup(rpmfilesFLink(files, i) ?: "");
		f->mode = rpmfilesFMode(files, i);
		f->links = rpmfilesFNlink(files, i);
		f->mtime = rpmfilesFMtime(files, i);
		f->ghost = rpmfilesFFlags(files, i) & RPMFILE_GHOST;
		f->left_out = states && rpmfilesFState(files, i) != RPMFILE_STATE_NORMAL;
		/* links and directories have a digest of zeros */
		if (S_ISREG(f->mode) && digest && mf_checksum_known(len)) {
			f->checksum.len = len;
			memcpy(f->checksum.bytes, digest, len);
		}
		f->user = strdup(rpmfilesFUser(files, i) ?: "");
		f->group = strdup(rpmfilesFGroup(files, i) ?: "");
		f->size = rpmfilesFSize(files, i);
		f->has_caps = caps && *caps;
		if (!f->path || !f->link || !f->user || !f->group)
			r = -ENOMEM;
	}
	rpmfilesFree(files);
	return ret->files ? r : -ENOMEM;
}

int mf_rpm_kernels(void *h, struct mf_strings *kernels)
{
	static const char *const places[] = { "/lib/modules/", "/usr/lib/modules/" };
	const char *directory;
	struct rpmtd_s td;
	int r = 0;

	/* "/lib/modules/RELEASE/updates/": the names of files are not needed */
	if (!headerGet(h, RPMTAG_DIRNAMES, &td, HEADERGET_MINMEM))
		return 0;
	while (!r && (directory = rpmtdNextString(&td)))
		for (size_t i = 0; !r && i < MF_ARRAY_SIZE(places); i++) {
			const char *kernel = directory + strlen(places[i]);
			_cleanup_free_ char *copy = NULL;

			if (!mf_starts_with(directory, places[i]) || !*kernel)
				continue;
			copy = strndup(kernel, strcspn(kernel, "/"));
			r = copy ? mf_strings_add_unique(kernels, copy) : -ENOMEM;
		}
	rpmtdFreeData(&td);
	return r;
}

int mf_rpm_header(void *h, struct mf_rpm_header *ret_header)
{
	_cleanup_(mf_rpm_header_done) struct mf_rpm_header ret = { 0 };
	int r;

	ret.name = headerGetAsString(h, RPMTAG_NAME);
	ret.evr = headerGetAsString(h, RPMTAG_EVR);
	ret.arch = headerGetAsString(h, RPMTAG_ARCH);
	if (!ret.name || !ret.evr || !ret.arch)
		return -MFE_BAD_PACKAGE;
	/* remove an epoch of 0, as libsolv and the reader of the metadata do */
	if (mf_starts_with(ret.evr, "0:"))
		memmove(ret.evr, ret.evr + 2, strlen(ret.evr + 2) + 1);
	r = header_read_lists(h, &ret);
	if (!r)
		r = each_dep(h, RPMTAG_PROVIDENAME, RPMTAG_PROVIDEVERSION, on_provide, &ret);
	if (!r)
		r = each_dep(h, RPMTAG_REQUIRENAME, RPMTAG_REQUIREVERSION, on_uname_r, &ret);
	if (!r)
		r = read_kernels(h, &ret);
	if (!r)
		r = header_read_files(h, &ret);
	if (r < 0)
		return r;
	*ret_header = ret;
	ret = (struct mf_rpm_header){ 0 };
	return 0;
}

bool mf_rpm_replaces(const struct mf_rpm_header *package, const struct mf_rpm_header *installed)
{
	if (!package->side_by_side ||
	    (!strcmp(package->evr, installed->evr) && !strcmp(package->arch, installed->arch)))
		return true;
	for (size_t i = 0; i < package->kernels.n; i++)
		if (mf_strings_has(&installed->kernels, package->kernels.v[i]))
			return true;
	return false;
}

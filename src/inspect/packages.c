/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Are the files of the packages there?
 *
 * Every file that rpm installed for this kernel, and its firmware, must exist with its digest and as
 * the kind of file that it was. Modules in the tree were judged already. Of dpkg's packages only the
 * files in the kernel's directory are looked at, and of dkms the modules that it installed. An image builder may remove most modules of a kernel's Debian
 * package on purpose, which dpkg does not know: a package of which more than half is missing is not
 * reported.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/fit.h"
#include "modfetch/modinfo.h"
#include "modfetch/module-name.h"
#include "inspection.h"

#define MD5_FILE_MAX ((size_t)256 << 20)

static int packages_report(struct inspection *in, const struct owned *o, int code,
			   const char *reason)
{
	const struct about about = {
		.path = o->path,
		.owner = o->owner,
		.remedy = o->owner->kind == MF_OWNER_RPM ? MF_REMEDY_REINSTALL : MF_REMEDY_NONE,
	};
	char name[MF_MODULE_NAME_SIZE];
	int r = inspect_find(in->machine, in, &about, code, "%s", reason);

	if (r > 0 && mf_is_module(o->path) && mf_module_name(o->path, name, sizeof(name)))
		r = inspect_excuse(in, name);
	return r < 0 ? r : 0;
}

/* Has the file the digest of its package? 0, 1, or -errno. */
static int digest_differs(const struct owned *o, int fd)
{
	_cleanup_free_ char *buf = NULL;
	uint8_t digest[MF_SHA256_LEN];
	size_t len;
	int r = 0;

	if (o->checksum.len)
		return mf_checksum_differs_fd(&o->checksum, fd);
	if (o->has_md5)
		r = mf_file_read(fd, MD5_FILE_MAX, &buf, &len);
	/* where MD5 is not permitted there is nothing to compare */
	return !r && o->has_md5 && mf_md5(buf, len, digest) == 0
		       ? memcmp(digest, o->md5, sizeof(o->md5)) != 0
		       : r;
}

static int check_digest(struct inspection *in, const struct owned *o, int fd)
{
	int r = digest_differs(o, fd);

	if (r < 0)
		return packages_report(in, o, r, mf_error_sentence(r));
	return r ? packages_report(in, o, -MFE_ALTERED,
				   "it was changed after its package was installed")
		 : 0;
}

/* The version that a module states; "" if none. 0 or -ENOMEM. */
static int packages_version(const struct inspection *in, const char *path, char **ret_version)
{
	_cleanup_close_ int fd = mf_context_open(in->ctx, path, O_RDONLY);
	_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };
	const char *version = NULL;

	if (fd >= 0 && mf_modinfo_scan(fd, &info) >= 0)
		version = mf_modinfo_get(&info, "version");
	*ret_version = strdup(version ? version : "");
	return *ret_version ? 0 : -ENOMEM;
}

/*
 * dkms keeps a module that it built, but does not install it if the kernel has one of that name which
 * is not older. Then the index has the other one. 1: that is why it is missing; 0; or -ENOMEM.
 */
static int is_left_out(const struct inspection *in, const struct owned *o)
{
	_cleanup_free_ char *built = NULL, *other = NULL;
	char name[MF_MODULE_NAME_SIZE];
	const struct entry *e;
	const char *indexed;
	uint32_t *place;
	int r;

	if (!o->copy || !mf_module_name(o->path, name, sizeof(name)))
		return 0;
	place = mf_table_get(&in->by_name, name, strlen(name));
	indexed = in->fit ? mf_fit_kernel_path(in->fit, name) : NULL;
	if (!place || !indexed)
		return 0;
	e = &in->entries[*place];
	if (strcmp(indexed, e->path + strlen(in->directory)) != 0)
		return 0;
	r = packages_version(in, o->copy, &built);
	if (!r)
		r = packages_version(in, e->path, &other);
	return r < 0 ? r : strverscmp(built, other) <= 0;
}

/* Checks a file that the walk did not find. */
static int check_unseen(struct inspection *in, const struct owned *o)
{
	_cleanup_close_ int fd = mf_context_open(in->ctx, o->path, O_RDONLY | O_NOFOLLOW);

	if (fd == -ENOENT || fd == -ENOTDIR) {
		int r = is_left_out(in, o);

		return r ? (r < 0 ? r : 0)
			 : packages_report(in, o, -MFE_ALTERED, "the file is missing");
	}
	/* dpkg and dkms do not say what kind of file it was, but only regular ones have digests */
	if (!o->mode && !o->has_md5)
		return 0;
	if (fd == -ELOOP)
		return packages_report(in, o, -MFE_ALTERED, "it was replaced by a link");
	if (fd < 0)
		return packages_report(in, o, fd, mf_error_sentence(fd));
	return check_digest(in, o, fd);
}

/* Is it a file that this kernel's check must find? */
static bool is_expected(const struct inspection *in, const struct owned *o)
{
	bool is_module = mf_is_module(o->path);

	if (o->seen || (o->mode && !S_ISREG(o->mode)))
		return false;
	if (!mf_starts_with(o->path, in->directory))
		return o->mode && mf_starts_with(o->path, "lib/firmware/");
	if (o->mode)
		return true;
	return (is_module || o->has_md5) &&
	       !mf_table_get(&in->machine->ownership.diverted, o->path, strlen(o->path));
}

static bool is_missing(const struct inspection *in, const struct owned *o)
{
	_cleanup_close_ int fd = mf_context_open(in->ctx, o->path, O_PATH | O_NOFOLLOW);

	return fd == -ENOENT || fd == -ENOTDIR;
}

int inspect_packages(struct inspection *in)
{
	struct ownership *ownership = &in->machine->ownership;
	const struct owner *last = NULL;
	int r = 0;

	for (size_t i = 0; i < ownership->n; i++) {
		const struct owned *o = &ownership->files[i];

		if (is_expected(in, o) && !o->mode && mf_is_module(o->path))
			o->owner->missing += is_missing(in, o);
	}
	for (size_t i = 0; !r && i < ownership->n; i++) {
		const struct owned *o = &ownership->files[i];
		bool here = mf_starts_with(o->path, in->directory) ||
			    mf_starts_with(o->path, "lib/firmware/");

		assert(o->owner);
		in->kernel->packages += here && o->mode && o->owner != last;
		last = here ? o->owner : last;
		if (o->owner->kind == MF_OWNER_DPKG && o->owner->missing * 2 > o->owner->modules)
			continue;
		r = is_expected(in, o) ? check_unseen(in, o) : 0;
	}
	return r;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of librpm: installed packages, headers of package files, one transaction.
 *
 * librpm's state is global and its defaults are the distribution's; whatever matters is set here by
 * hand: the database's folder, what is verified, that no plugin and (unless allowed) no scriptlet
 * runs. Packages are read through copies of sealed descriptors, never by path.
 */
#include "modfetch/rpm.h"
#include <errno.h>
#include <fcntl.h>
#include <rpm/header.h>
#include <rpm/rpmdb.h>
#include <rpm/rpmfi.h>
#include <rpm/rpmfiles.h>
#include <rpm/rpmio.h>
#include <rpm/rpmlib.h>
#include <rpm/rpmlog.h>
#include <rpm/rpmmacro.h>
#include <rpm/rpmps.h>
#include <rpm/rpmte.h>
#include <rpm/rpmts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/apart.h"
#include "modfetch/cleanup.h"
#include "modfetch/rpmdb.h"

#define HASH_SHA256 8 /* RFC 4880, 9.4; librpm's own name for it moved between versions */

/* librpm speaks through a callback; its last complaint is the best "why" there is. */
static int keep_message(rpmlogRec rec, rpmlogCallbackData data)
{
	char *last = data;
	const char *text = rpmlogRecMessage(rec);

	if (rpmlogRecPriority(rec) <= RPMLOG_ERR && text) {
		snprintf(last, 256, "%s", text);
		last[strcspn(last, "\n")] = '\0';
	}
	return 0;
}

/*
 * librpm's configuration is one a process and reading it takes milliseconds: once is enough. It
 * defines _dbpath everywhere, and what end_transaction() deletes is only our own above that.
 */
static void configure(char *last_message)
{
	rpmlogSetCallback(keep_message, last_message);
	if (!rpmMacroIsDefined(NULL, "_dbpath"))
		rpmReadConfigFiles(NULL, NULL);
}

static rpmts new_transaction(const struct mf_context *ctx, char *last_message)
{
	bool there;
	_cleanup_free_ char *folder = mf_rpmdb_folder(ctx, false, &there);
	rpmts ts;

	configure(last_message);
	/* without memory for its name there is no database, rather than another one */
	addMacro(NULL, "_dbpath", NULL, folder ? folder : "/dev/null", RMIL_CMDLINE);
	ts = rpmtsCreate();
	rpmtsSetRootDir(ts, *ctx->root ? ctx->root : "/");
	/* the digest hangs on signed metadata already; header signatures are verify's affair */
	rpmtsSetVSFlags(ts, RPMVSF_MASK_NOSIGNATURES);
	rpmtsSetVfyFlags(ts, RPMVSF_MASK_NOSIGNATURES);
	rpmtsSetVfyLevel(ts, RPMSIG_DIGEST_TYPE);
	return ts;
}

static void end_transaction(rpmts ts)
{
	rpmtsFree(ts);
	rpmlogSetCallback(NULL, NULL);
	delMacro(NULL, "_dbpath");
}

static int visit_all(rpmts ts, const char *name, mf_rpm_visit *visit, void *arg)
{
	rpmdbMatchIterator it =
		rpmtsInitIterator(ts, name ? RPMDBI_NAME : RPMDBI_PACKAGES, name, 0);
	Header h;
	int r = 0;

	while (!r && (h = rpmdbNextIterator(it)))
		r = visit(arg, h);
	rpmdbFreeIterator(it);
	return r;
}

int mf_rpm_each_installed(struct mf_context *ctx, const struct mf_strings *names,
			  mf_rpm_visit *visit, void *arg)
{
	char message[256] = "the database cannot be read";
	bool there;
	_cleanup_free_ char *folder = mf_rpmdb_folder(ctx, false, &there);
	rpmts ts;
	int r = 0;

	if (!there)
		return 0;
	ts = new_transaction(ctx, message);
	if (rpmtsOpenDB(ts, O_RDONLY)) {
		end_transaction(ts);
		return mf_fail(ctx, "rpm", -MFE_INSTALL, folder, "%s", message);
	}
	for (size_t i = 0; !r && i < (names ? names->n : 1); i++)
		r = visit_all(ts, names ? names->v[i] : NULL, visit, arg);
	end_transaction(ts);
	return r;
}

/* ---- what a package file says ---- */

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
	*header = (struct mf_rpm_header){ 0 };
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

static int read_lists(Header h, struct mf_rpm_header *ret)
{
	struct rpmtd_s td;
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(scriptlet_tags) / sizeof(*scriptlet_tags); i++)
		if (headerIsEntry(h, scriptlet_tags[i].tag))
			r = mf_strings_add(&ret->scriptlets, scriptlet_tags[i].name);
	/* %preuntrans and %postuntrans of rpm 4.19, which may run what was compiled with an older
	 */
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

static int read_files(Header h, struct mf_rpm_header *ret)
{
	rpmfiles files = rpmfilesNew(NULL, h, RPMTAG_BASENAMES, RPMFI_KEEPHEADER);
	int n = rpmfilesFC(files), r = 0;

	ret->files = calloc((size_t)n + 1, sizeof(*ret->files));
	for (int i = 0; ret->files && i < n; i++) {
		struct mf_rpm_file *f = &ret->files[ret->n_files++];
		int algo = 0;
		size_t len = 0;
		const unsigned char *digest = rpmfilesFDigest(files, i, &algo, &len);
		const char *caps = rpmfilesFCaps(files, i);

		f->path = rpmfilesFN(files, i);
		f->link = strdup(rpmfilesFLink(files, i) ?: "");
		f->mode = rpmfilesFMode(files, i);
		/* links and folders have one too, of zeros */
		f->has_sha256 = S_ISREG(f->mode) && digest && algo == HASH_SHA256 &&
				len == sizeof(f->sha256);
		if (f->has_sha256)
			memcpy(f->sha256, digest, len);
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

int mf_rpm_header(void *h, struct mf_rpm_header *ret_header)
{
	_cleanup_(mf_rpm_header_done) struct mf_rpm_header ret = { 0 };
	int r;

	ret.name = headerGetAsString(h, RPMTAG_NAME);
	ret.evr = headerGetAsString(h, RPMTAG_EVR);
	ret.arch = headerGetAsString(h, RPMTAG_ARCH);
	if (!ret.name || !ret.evr || !ret.arch)
		return -MFE_BAD_PACKAGE;
	/* libsolv leaves an epoch of 0 away, as the metadata's reader does */
	if (mf_starts_with(ret.evr, "0:"))
		memmove(ret.evr, ret.evr + 2, strlen(ret.evr + 2) + 1);
	r = read_lists(h, &ret);
	if (r < 0)
		return r;
	r = read_files(h, &ret);
	if (r < 0)
		return r;
	*ret_header = ret;
	ret = (struct mf_rpm_header){ 0 };
	return 0;
}

/* An rpm stream over a copy of FD, from its start. */
static FD_t open_copy(int fd)
{
	return lseek(fd, 0, SEEK_SET) < 0 ? NULL : fdDup(fd);
}

int mf_rpm_read(int fd, struct mf_rpm_header *ret_header)
{
	char message[256] = "";
	rpmts ts;
	FD_t f = open_copy(fd);
	Header h = NULL;
	rpmRC rc;
	int r = -MFE_BAD_PACKAGE;

	if (!f)
		return -errno;
	configure(message);
	ts = rpmtsCreate();
	rpmtsSetVSFlags(ts, RPMVSF_MASK_NOSIGNATURES);
	rc = rpmReadPackageFile(ts, f, "package", &h);
	if (h && (rc == RPMRC_OK || rc == RPMRC_NOTTRUSTED || rc == RPMRC_NOKEY))
		r = mf_rpm_header(h, ret_header);
	headerFree(h);
	Fclose(f);
	rpmtsFree(ts);
	rpmlogSetCallback(NULL, NULL);
	return r;
}

/* ---- the transaction ---- */

struct running {
	const struct mf_rpm_install *failed;
	FD_t open;
};

static void *notify(const void *header, rpmCallbackType what, rpm_loff_t amount, rpm_loff_t total,
		    fnpyKey key, rpmCallbackData data)
{
	struct running *run = data;
	const struct mf_rpm_install *item = key;

	switch ((unsigned int)what) {
	case RPMCALLBACK_INST_OPEN_FILE:
		run->open = open_copy(item->fd);
		return run->open;
	case RPMCALLBACK_INST_CLOSE_FILE:
		if (run->open)
			Fclose(run->open);
		run->open = NULL;
		break;
	case RPMCALLBACK_UNPACK_ERROR:
	case RPMCALLBACK_CPIO_ERROR:
		run->failed = item;
		break;
	}
	return NULL; /* the rest is progress: a driver package is too small for it */
}

/*
 * librpm waits for its lock, an fcntl lock on .rpm.lock, without end, or not at all where nobody
 * types: so it is taken first, and kept until librpm has ended. Such a lock is the process's, so
 * librpm gets it too; that it gives it up for us, when it has ended, comes in time. RET_FD: its
 * descriptor, or -1 where no package has ever been installed.
 */
static int take_lock(struct mf_context *ctx, int *ret_fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	bool there;
	_cleanup_free_ char *folder = mf_rpmdb_folder(ctx, true, &there), *path = NULL;
	_cleanup_close_ int fd = -1;

	if (!folder)
		return mf_fail(ctx, "install", -MFE_INSTALL, "the rpm database",
			       "its folder is a link that leads nowhere, or cannot be made");
	if (asprintf(&path, "%s/.rpm.lock", folder) < 0) {
		path = NULL;
		return mf_fail(ctx, "install", -ENOMEM, ".rpm.lock", NULL);
	}
	fd = mf_context_open(ctx, path, O_RDWR);
	for (unsigned int tenths = 0;; tenths++) {
		if (fd < 0 || fcntl(fd, F_SETLK, &lock) == 0) {
			*ret_fd = mf_steal_fd(&fd);
			return 0;
		}
		if (tenths >= ctx->settings.lock_timeout * 10)
			break;
		if (!tenths)
			mf_log(ctx, MF_LOG_WARNING,
			       "another program holds the rpm lock; waiting for it, at most %u s",
			       ctx->settings.lock_timeout);
		usleep(100000);
	}
	return mf_fail(ctx, "install", -MFE_LOCKED, path, "the rpm lock was held for %u s",
		       ctx->settings.lock_timeout);
}

/* The installed package of that label ("name" or "name-evr.arch") goes into an erasure. */
static int add_erasure(struct mf_context *ctx, rpmts ts, const char *label)
{
	rpmdbMatchIterator it = rpmtsInitIterator(ts, RPMDBI_LABEL, label, 0);
	Header h = rpmdbNextIterator(it);
	int bad = !h || rpmtsAddEraseElement(ts, h, -1);

	rpmdbFreeIterator(it);
	return bad ? mf_fail(ctx, "install", -MFE_INSTALL, label, "it is not installed") : 0;
}

static int add_elements(struct mf_context *ctx, rpmts ts, const struct mf_rpm_install *install,
			size_t n, const struct mf_strings *erase, const char *message)
{
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		FD_t f = open_copy(install[i].fd);
		Header h = NULL;
		bool bad = !f || rpmReadPackageFile(ts, f, install[i].nevra, &h) != RPMRC_OK;
		/* this looks into the database */
		bool refused = !bad && rpmtsAddInstallElement(ts, h, (fnpyKey)&install[i], 1, NULL);

		headerFree(h);
		if (f)
			Fclose(f);
		if (bad || refused)
			return mf_fail(ctx, "install", bad ? -MFE_BAD_PACKAGE : -MFE_INSTALL,
				       install[i].nevra,
				       "rpm cannot take it into a transaction%s%s",
				       *message ? ": " : "", message);
	}
	for (size_t i = 0; !r && erase && i < erase->n; i++)
		r = add_erasure(ctx, ts, erase->v[i]);
	return r;
}

static int report_problems(struct mf_context *ctx, rpmts ts, const struct running *run,
			   const char *message)
{
	rpmps ps = rpmtsProblems(ts);
	rpmpsi it = rpmpsInitIterator(ps);
	rpmProblem problem = rpmpsiNext(it);
	_cleanup_free_ char *text = problem ? rpmProblemString(problem) : NULL;

	rpmpsFreeIterator(it);
	rpmpsFree(ps);
	return mf_fail(ctx, "install", -MFE_INSTALL,
		       run->failed ? run->failed->nevra : "transaction", "%s%s%s", text ? text : "",
		       text && *message ? "; " : "",
		       *message || text ? message : "rpm gives no reason");
}

static bool is_installed(rpmts ts, const char *label)
{
	rpmdbMatchIterator it = rpmtsInitIterator(ts, RPMDBI_LABEL, label, 0);
	bool found = rpmdbNextIterator(it) != NULL;

	rpmdbFreeIterator(it);
	return found;
}

struct task {
	const struct mf_rpm_install *install;
	size_t n;
	const struct mf_strings *erase;
};

/* librpm does not report every failed write to the database: so it is asked what it has now. */
static int check_outcome(struct mf_context *ctx, rpmts ts, const struct task *task)
{
	for (size_t i = 0; i < task->n; i++)
		if (!is_installed(ts, task->install[i].nevra))
			return mf_fail(ctx, "install", -MFE_INSTALL, task->install[i].nevra,
				       "the database did not take it");
	for (size_t i = 0; task->erase && i < task->erase->n; i++)
		if (is_installed(ts, task->erase->v[i]))
			return mf_fail(ctx, "install", -MFE_INSTALL, task->erase->v[i],
				       "the database did not let it go");
	return 0;
}

static int run(struct mf_context *ctx, void *arg)
{
	const struct task *task = arg;
	char message[256] = "";
	struct running run = { 0 };
	rpmtransFlags flags =
		RPMTRANS_FLAG_NOPLUGINS | RPMTRANS_FLAG_NOSCRIPTS | RPMTRANS_FLAG_NOTRIGGERS;
	_cleanup_close_ int lock = -1;
	int r = take_lock(ctx, &lock);
	rpmts ts;

	if (r < 0)
		return r;
	ts = new_transaction(ctx, message);
	for (size_t i = 0; i < task->n; i++)
		if (task->install[i].scriptlets)
			flags = 0;
	rpmtsSetFlags(ts, flags);
	rpmtsSetNotifyCallback(ts, notify, &run);
	r = add_elements(ctx, ts, task->install, task->n, task->erase, message);
	if (!r) {
		rpmtsOrder(ts);
		if (rpmtsRun(ts, NULL, RPMPROB_FILTER_OLDPACKAGE | RPMPROB_FILTER_REPLACEPKG))
			r = report_problems(ctx, ts, &run, message);
		else
			r = check_outcome(ctx, ts, task);
	}
	end_transaction(ts);
	return r;
}

/*
 * In a process of its own: a transaction that failed may leave librpm's connection to the database
 * half done, and the next one would be lost with it.
 */
int mf_rpm_transaction(struct mf_context *ctx, const struct mf_rpm_install *install, size_t n,
		       const struct mf_strings *erase)
{
	struct task task = { install, n, erase };

	return mf_apart(ctx, "install", run, &task);
}

int mf_rpm_installed(struct mf_context *ctx, const struct mf_strings *labels,
		     struct mf_strings *found)
{
	char message[256] = "";
	bool there;
	_cleanup_free_ char *folder = mf_rpmdb_folder(ctx, false, &there);
	rpmts ts;
	int r = 0;

	if (!there || !labels->n)
		return 0;
	ts = new_transaction(ctx, message);
	for (size_t i = 0; !r && i < labels->n; i++)
		if (is_installed(ts, labels->v[i]))
			r = mf_strings_add(found, labels->v[i]);
	end_transaction(ts);
	return r < 0 ? mf_fail(ctx, "install", r, "rpm", NULL) : 0;
}

int mf_rpm_take_out(struct mf_context *ctx, const struct mf_strings *labels)
{
	_cleanup_(mf_strings_done) struct mf_strings found = { 0 };
	int r = mf_rpm_installed(ctx, labels, &found);

	return r < 0 || !found.n ? r : mf_rpm_transaction(ctx, NULL, 0, &found);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of librpm: transactions; rpm-installed.c reads the database, rpm-package.c package files,
 * rpm-header.c headers.
 *
 * librpm's state is global and its defaults are the distribution's, so this file sets all settings
 * that matter: the database's directory, the checks, and that no plugin, trigger or (unless
 * permitted) scriptlet runs. Packages are read through copies of sealed descriptors, never by path.
 *
 * Scriptlets belong to the package that is installed or erased. Triggers, also of files, belong to
 * other packages of any age: they would run for a driver without a permission. The output of
 * scriptlets goes to a memory file; the error message of a failed one has the end of it.
 */
#include "modfetch/rpm.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/process.h"
#include "modfetch/strings.h"
#include "rpm-private.h"

rpmts mf_rpm_begin(const struct mf_context *ctx, char *last_message)
{
	bool there;
	_cleanup_free_ char *directory = mf_rpmdb_directory(ctx, false, &there);
	const char *backend = directory ? mf_rpmdb_backend(ctx, directory) : NULL;
	_cleanup_free_ char *configured = NULL;
	rpmts ts;

	mf_rpm_configure(last_message);
	/* otherwise librpm makes a database of its own format beside one that it does not know */
	configured = rpmExpand("%{?_db_backend}", NULL);
	addMacro(NULL, "_db_backend", NULL, backend ? backend : configured, RMIL_CMDLINE);
	/* without memory for the name use no database rather than librpm's default */
	addMacro(NULL, "_dbpath", NULL, directory ? directory : "/dev/null", RMIL_CMDLINE);
	ts = rpmtsCreate();
	rpmtsSetRootDir(ts, *ctx->root ? ctx->root : "/");
	/* signed metadata has the package's digest; the verify stage checks header signatures */
	rpmtsSetVSFlags(ts, RPMVSF_MASK_NOSIGNATURES);
	rpmtsSetVfyFlags(ts, RPMVSF_MASK_NOSIGNATURES);
	rpmtsSetVfyLevel(ts, RPMSIG_DIGEST_TYPE);
	return ts;
}

void mf_rpm_end(rpmts ts)
{
	rpmtsFree(ts);
	rpmlogSetCallback(NULL, NULL);
	delMacro(NULL, "_dbpath");
	delMacro(NULL, "_db_backend");
}

int mf_rpm_open_database(struct mf_context *ctx, rpmts ts, int mode, const char *last_message)
{
	bool there;
	_cleanup_free_ char *directory = NULL;
	int r = rpmtsOpenDB(ts, mode);
	bool unknown = strstr(last_message, MF_RPM_NO_DATABASE);

	if (!r && !unknown)
		return 0;
	directory = mf_rpmdb_directory(ctx, false, &there);
	if (!unknown)
		return mf_fail(ctx, MF_STAGE_RPM, -MFE_INSTALL, directory, "%s", last_message);
	return mf_fail(ctx, MF_STAGE_RPM, -MFE_INSTALL, directory,
		       "librpm was built without the format of this database (%s); use a modfetch "
		       "that was built for this system",
		       directory ? mf_rpmdb_backend(ctx, directory) : "");
}

/* ---- the transaction ---- */

struct running {
	struct mf_context *ctx;
	const char *message; /* librpm's last message */
	const struct mf_rpm_install *failed;
	FD_t open;
	int output;	       /* a memory file for the output of scriptlets; -1: they do not run */
	bool scriptlet_failed; /* and this is recorded */
};

/* ---- scriptlets ---- */

#define OUTPUT_TAIL 200

static const char *scriptlet_name(rpm_loff_t tag)
{
	static const struct {
		rpmTagVal tag;
		const char *name;
	} names[] = {
		{ RPMTAG_PREIN, "%pre" },	  { RPMTAG_POSTIN, "%post" },
		{ RPMTAG_PREUN, "%preun" },	  { RPMTAG_POSTUN, "%postun" },
		{ RPMTAG_PRETRANS, "%pretrans" }, { RPMTAG_POSTTRANS, "%posttrans" },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(names); i++)
		if ((rpm_loff_t)names[i].tag == tag)
			return names[i].name;
	return "scriptlet";
}

/* The end of a scriptlet's output, as one line. */
static void read_tail(int fd, char tail[OUTPUT_TAIL + 1])
{
	struct stat st;
	ssize_t n = 0;

	if (fstat(fd, &st) == 0)
		n = pread(fd, tail, OUTPUT_TAIL,
			  st.st_size > OUTPUT_TAIL ? st.st_size - OUTPUT_TAIL : 0);
	while (n > 0 && tail[n - 1] == '\n')
		n--;
	tail[n > 0 ? n : 0] = '\0';
	for (char *p = tail; *p; p++)
		*p = *p == '\n' ? ' ' : *p;
}

/* CRITICAL: because of this the package is not installed, or not erased. */
static void on_scriptlet_error(struct running *run, const void *header, rpm_loff_t tag,
			       bool critical)
{
	_cleanup_free_ char *nevra = headerGetAsString((Header)(uintptr_t)header, RPMTAG_NEVRA);
	/* "%post(x-1-1.noarch) scriptlet failed, exit status 3" */
	const char *status = strstr(run->message, "failed, ");
	char tail[OUTPUT_TAIL + 1] = "";

	read_tail(run->output, tail);
	mf_log(run->ctx, MF_LOG_WARNING, "install: %s: its %s failed", nevra ? nevra : "",
	       scriptlet_name(tag));
	/* report the first one, unless a later one stopped the transaction */
	if (run->scriptlet_failed && !critical)
		return;
	run->scriptlet_failed = true;
	mf_fail(run->ctx, MF_STAGE_INSTALL, -MFE_SCRIPTLET_FAILED, nevra, "its %s failed: %s%s%s",
		scriptlet_name(tag), status ? status + strlen("failed, ") : run->message,
		*tail ? "; it printed: " : "", tail);
}

/* Empties the file, so that it has the output of this scriptlet only. */
static void on_scriptlet_start(const struct running *run)
{
	if (run->output >= 0 && (ftruncate(run->output, 0) < 0 || lseek(run->output, 0, SEEK_SET)))
		mf_log(run->ctx, MF_LOG_WARNING, "install: the output of scriptlets is lost");
}

/* Redirects the output of scriptlets to a memory file: standard output is for results. */
static int redirect_output(struct running *run, rpmts ts)
{
	FD_t f;

	run->output = mf_memfile_new("scriptlets");
	if (run->output < 0 || dup2(run->output, STDOUT_FILENO) < 0)
		return mf_fail(run->ctx, MF_STAGE_INSTALL, run->output < 0 ? run->output : -errno,
			       "scriptlets", NULL);
	f = fdDup(run->output);
	rpmtsSetScriptFd(ts, f);
	return 0;
}

static void *on_event(const void *header, rpmCallbackType what, rpm_loff_t amount, rpm_loff_t total,
		      fnpyKey key, rpmCallbackData data)
{
	struct running *run = data;
	const struct mf_rpm_install *item = key;

	switch ((unsigned int)what) {
	case RPMCALLBACK_INST_OPEN_FILE:
		run->open = mf_rpm_open_copy(item->fd);
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
	case RPMCALLBACK_SCRIPT_START:
		on_scriptlet_start(run);
		break;
	case RPMCALLBACK_SCRIPT_ERROR:
		/* librpm passes the tag as the amount and a return code as the total */
		on_scriptlet_error(run, header, amount, total != RPMRC_OK);
		break;
	}
	return NULL; /* the others report progress, which a small driver package does not need */
}

/*
 * Does the process with the lock wait for this one? A package manager does whose scriptlet or
 * trigger runs modfetch, so waiting for it would be in vain.
 */
static bool holder_waits_for_us(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid > 0 &&
	       mf_process_is_below(lock.l_pid);
}

/*
 * librpm waits without limit for its lock, an fcntl lock on .rpm.lock, or not at all if standard
 * input is no terminal. So take the lock before librpm does, and hold it until librpm is done. An
 * fcntl lock belongs to the process, so librpm gets it too; librpm releases it at the end, which is
 * late enough. RET_FD: the descriptor, or -1 if no package was ever installed.
 */
static int take_lock(struct mf_context *ctx, int *ret_fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	bool there;
	_cleanup_free_ char *directory = mf_rpmdb_directory(ctx, true, &there), *path = NULL;
	_cleanup_close_ int fd = -1;

	if (!directory)
		return mf_fail(ctx, MF_STAGE_INSTALL, -MFE_INSTALL, "the rpm database",
			       "its directory cannot be created, or is a dangling link");
	path = mf_format("%s/.rpm.lock", directory);
	if (!path)
		return mf_fail(ctx, MF_STAGE_INSTALL, -ENOMEM, ".rpm.lock", NULL);
	fd = mf_context_open(ctx, path, O_RDWR);
	for (unsigned int tenths = 0;; tenths++) {
		if (fd < 0 || fcntl(fd, F_SETLK, &lock) == 0) {
			*ret_fd = mf_steal_fd(&fd);
			return 0;
		}
		if (holder_waits_for_us(fd))
			return mf_fail(
				ctx, MF_STAGE_INSTALL, -MFE_LOCKED, path,
				"the package manager that started this command holds the "
				"rpm lock; repeat it after the package manager has finished");
		if (tenths >= ctx->settings.lock_timeout * 10)
			break;
		if (!tenths)
			mf_log(ctx, MF_LOG_WARNING,
			       "another program holds the rpm lock; waiting for it, at most %u s",
			       ctx->settings.lock_timeout);
		usleep(100000);
	}
	return mf_fail(ctx, MF_STAGE_INSTALL, -MFE_LOCKED, path,
		       "another program held the rpm lock for %u s; repeat it when that has ended",
		       ctx->settings.lock_timeout);
}

/* Adds the erasure of the installed package with that label ("name" or "name-evr.arch"). */
static int add_erasure(struct mf_context *ctx, rpmts ts, const char *label)
{
	rpmdbMatchIterator it = rpmtsInitIterator(ts, RPMDBI_LABEL, label, 0);
	Header h = rpmdbNextIterator(it);
	int bad = !h || rpmtsAddEraseElement(ts, h, -1);

	rpmdbFreeIterator(it);
	return bad ? mf_fail(ctx, MF_STAGE_INSTALL, -MFE_INSTALL, label, "it is not installed") : 0;
}

static bool add_install(const struct mf_context *ctx, rpmts ts,
			const struct mf_rpm_install *install, Header h)
{
	_cleanup_(mf_rpm_relocations_done) struct mf_rpm_relocations relocations = { 0 };

	/* rpm reads the database here, and copies the paths */
	return !mf_rpm_relocations(ctx, install, h, &relocations) &&
	       !rpmtsAddInstallElement(ts, h, (fnpyKey)install, !install->side_by_side,
				       relocations.v);
}

static int add_elements(struct mf_context *ctx, rpmts ts, const struct mf_rpm_install *install,
			size_t n, const struct mf_strings *erase, const char *message)
{
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		FD_t f = mf_rpm_open_copy(install[i].fd);
		Header h = NULL;
		bool bad = !f || rpmReadPackageFile(ts, f, install[i].nevra, &h) != RPMRC_OK;
		bool refused = !bad && !add_install(ctx, ts, &install[i], h);

		headerFree(h);
		if (f)
			Fclose(f);
		if (bad || refused)
			return mf_fail(ctx, MF_STAGE_INSTALL, bad ? -MFE_BAD_PACKAGE : -MFE_INSTALL,
				       install[i].nevra, "rpm cannot add it to a transaction%s%s",
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
	if (run->scriptlet_failed)
		return ctx->failure.code;
	return mf_fail(ctx, MF_STAGE_INSTALL, -MFE_INSTALL,
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
	bool database_only, scriptlets;
};

static bool is_in_task(const struct task *task, const char *label)
{
	for (size_t i = 0; i < task->n; i++)
		if (!strcmp(task->install[i].nevra, label))
			return true;
	return false;
}

/* librpm does not report every failed write to the database: so look up each package in it. */
static int check_outcome(struct mf_context *ctx, rpmts ts, const struct task *task)
{
	for (size_t i = 0; i < task->n; i++)
		if (!is_installed(ts, task->install[i].nevra))
			return mf_fail(ctx, MF_STAGE_INSTALL, -MFE_INSTALL, task->install[i].nevra,
				       "rpm did not add it to the database");
	for (size_t i = 0; task->erase && i < task->erase->n; i++)
		if (!is_in_task(task, task->erase->v[i]) && is_installed(ts, task->erase->v[i]))
			return mf_fail(ctx, MF_STAGE_INSTALL, -MFE_INSTALL, task->erase->v[i],
				       "rpm did not remove it from the database");
	return 0;
}

static int rpm_run(struct mf_context *ctx, void *arg)
{
	const struct task *task = arg;
	char message[256] = "";
	struct running run = { .ctx = ctx, .message = message, .output = -1 };
	rpmtransFlags flags = RPMTRANS_FLAG_NOPLUGINS | RPMTRANS_FLAG_NOTRIGGERS;
	/* a package with excluded or moved files counts as relocated, which it may not permit */
	const rpmprobFilterFlags ignored = RPMPROB_FILTER_OLDPACKAGE | RPMPROB_FILTER_REPLACEPKG |
					   RPMPROB_FILTER_FORCERELOCATE;
	_cleanup_close_ int lock = -1;
	int r = take_lock(ctx, &lock);
	rpmts ts;

	if (r < 0)
		return r;
	ts = mf_rpm_begin(ctx, message);
	if (!task->scriptlets)
		flags |= RPMTRANS_FLAG_NOSCRIPTS;
	if (task->database_only)
		flags |= RPMTRANS_FLAG_JUSTDB;
	rpmtsSetFlags(ts, flags);
	rpmtsSetNotifyCallback(ts, on_event, &run);
	r = mf_rpm_open_database(ctx, ts, O_RDWR | O_CREAT, message);
	if (!r && task->scriptlets)
		r = redirect_output(&run, ts);
	if (!r)
		r = add_elements(ctx, ts, task->install, task->n, task->erase, message);
	if (!r) {
		rpmtsOrder(ts);
		if (rpmtsRun(ts, NULL, ignored))
			r = report_problems(ctx, ts, &run, message);
		else
			r = check_outcome(ctx, ts, task);
	}
	mf_rpm_end(ts);
	return r ? r : run.scriptlet_failed;
}

/*
 * Runs in a child process: a failed transaction may leave librpm's connection to the database in a
 * savepoint, and the next transaction of the process would be lost with it.
 */
int mf_rpm_transaction(struct mf_context *ctx, const struct mf_rpm_install *install, size_t n,
		       const struct mf_strings *erase)
{
	struct task task = { install, n, erase, false, ctx->scriptlets };

	return mf_child_run(ctx, MF_STAGE_INSTALL, rpm_run, &task);
}

int mf_rpm_installed(struct mf_context *ctx, const struct mf_strings *labels,
		     struct mf_strings *found)
{
	char message[256] = "the database cannot be read";
	bool there;
	_cleanup_free_ char *directory = mf_rpmdb_directory(ctx, false, &there);
	rpmts ts;
	int r;

	if (!there || !labels->n)
		return 0;
	ts = mf_rpm_begin(ctx, message);
	/* librpm treats a database that cannot be read as an empty one */
	r = mf_rpm_open_database(ctx, ts, O_RDONLY, message);
	if (r < 0) {
		mf_rpm_end(ts);
		return r;
	}
	for (size_t i = 0; !r && i < labels->n; i++)
		if (is_installed(ts, labels->v[i]))
			r = mf_strings_add(found, labels->v[i]);
	mf_rpm_end(ts);
	return r < 0 ? mf_fail(ctx, MF_STAGE_INSTALL, r, "rpm", NULL) : 0;
}

static int rpm_erase(struct mf_context *ctx, const struct mf_strings *labels, bool database_only)
{
	_cleanup_(mf_strings_done) struct mf_strings found = { 0 };
	struct task task = { NULL, 0, &found, database_only, false };
	int r = mf_rpm_installed(ctx, labels, &found);

	return r < 0 || !found.n ? r : mf_child_run(ctx, MF_STAGE_INSTALL, rpm_run, &task);
}

int mf_rpm_erase(struct mf_context *ctx, const struct mf_strings *labels)
{
	return rpm_erase(ctx, labels, false);
}

int mf_rpm_forget(struct mf_context *ctx, const struct mf_strings *labels)
{
	return rpm_erase(ctx, labels, true);
}

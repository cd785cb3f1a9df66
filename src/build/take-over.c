/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Moves a source from dkms to modfetch, and back.
 *
 * The new owner builds for every kernel before the old one removes anything, and gets the machine only if all builds succeeded. dkms
 * itself removes and installs what is dkms's: modfetch changes no file of it. If the packages cannot be installed at the end, dkms
 * adds and installs the source again.
 *
 * dkms keeps /var/lib/dkms/NAME/kernel-KVER-ARCH, a link to VERSION/KVER/ARCH, for each kernel in which it has the modules installed. A
 * source that it does not know is in none of its lists: "dkms status" then says nothing of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "builder.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/pipeline.h"
#include "modfetch/process.h"

#define DKMS "/usr/sbin/dkms"
#define TREE "var/lib/dkms"
#define LOG  BUILD_DIRECTORY "/log"

enum { DKMS_SECONDS = 3600 };

struct moving {
	struct mf_context *ctx;
	struct mf_sources sources;
	const struct mf_source *source;
	char *label;		   /* "NAME/VERSION" */
	struct mf_strings kernels; /* that have its modules installed */
	struct mf_strings *done;
};

static void moving_done(struct moving *m)
{
	mf_sources_done(&m->sources);
	free(m->label);
	mf_strings_done(&m->kernels);
}

static int __attribute__((format(printf, 2, 3))) note(struct moving *m, const char *fmt, ...)
{
	_cleanup_free_ char *line = NULL;
	va_list ap;

	va_start(ap, fmt);
	line = mf_vformat(fmt, ap);
	va_end(ap);
	return line && !mf_strings_add(m->done, line)
		       ? 0
		       : mf_fail(m->ctx, MF_STAGE_BUILD, -ENOMEM, m->label, NULL);
}

/* ---- dkms ---- */

/* Runs dkms VERB for the source; KERNEL: NULL for all. 0 or a recorded failure. */
static int run_dkms(struct moving *m, const char *verb, const char *kernel)
{
	const char *const argv[] = { DKMS, verb, m->label, kernel ? "-k" : NULL, kernel, NULL };
	const char *const all[] = { DKMS, verb, m->label, "--all", NULL };
	bool is_remove = !strcmp(verb, "remove");
	_cleanup_close_ int dirfd = mf_context_mkdir(m->ctx, LOG), null = -1, log = -1;
	pid_t pid = -1;
	int r;

	if (dirfd < 0)
		return mf_fail(m->ctx, MF_STAGE_BUILD, dirfd, "/" LOG, NULL);
	log = openat(dirfd, "dkms", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	r = log < 0 || null < 0 ? -errno
				: mf_process_start(is_remove ? all : argv, null, log, log, &pid);
	if (!r)
		r = mf_process_wait_for(pid, DKMS_SECONDS);
	if (!r)
		return 0;
	return mf_fail(m->ctx, MF_STAGE_BUILD, r < 0 ? r : -MFE_TOOL, m->label,
		       "dkms %s%s%s failed; its messages are in /" LOG "/dkms", verb,
		       kernel ? " for " : "", kernel ? kernel : "");
}

/* Gives dkms the source and has VERB done for each kernel. 0 or a recorded failure. */
static int dkms_for_all(struct moving *m, const char *verb)
{
	int r = 0;

	for (size_t i = 0; !r && i < m->kernels.n; i++)
		r = run_dkms(m, verb, m->kernels.v[i]);
	return r;
}

/* Adds the release of a link kernel-KVER-ARCH to VERSION/KVER/ARCH, if it is of this version. */
static int add_kernel(struct moving *m, int dirfd, const char *name)
{
	char target[PATH_MAX];
	size_t version = strlen(m->source->version);
	ssize_t len = readlinkat(dirfd, name, target, sizeof(target) - 1);
	char *release, *end;

	if (len < 0)
		return 0;
	target[len] = '\0';
	if (strncmp(target, m->source->version, version) || target[version] != '/')
		return 0;
	release = target + version + 1;
	end = strchr(release, '/');
	if (!end)
		return 0;
	*end = '\0';
	return mf_kernel_is_installed(m->ctx, release) ? mf_strings_add_unique(&m->kernels, release)
						       : 0;
}

static int find_kernels(struct moving *m)
{
	_cleanup_free_ char *path = mf_format(TREE "/%s", m->source->name);
	_cleanup_close_ int fd =
		path ? mf_context_open(m->ctx, path, O_RDONLY | O_DIRECTORY) : -ENOMEM;
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : mf_opendir(fd);
	struct dirent *e;
	int r = fd == -ENOMEM ? fd : 0;

	while (!r && dir && (e = readdir(dir)))
		if (mf_starts_with(e->d_name, "kernel-"))
			r = add_kernel(m, fd, e->d_name);
	mf_strings_sort(&m->kernels);
	return r;
}

/* ---- to modfetch ---- */

/* Builds for one kernel, and keeps the packages. 0 or a recorded failure. */
static int build_for(struct moving *m, const char *kernel)
{
	_cleanup_(mf_built_done) struct mf_built_list list = { 0 };
	struct mf_context ctx = mf_context_for_kernel(m->ctx, kernel);
	const struct mf_strings names = { &m->label, 1, 0 };
	const struct mf_build_options options = { .names = &names, .keep_only = true };
	int r = mf_build(&ctx, &options, &list);

	if (!r && list.n && list.v[0].code)
		r = mf_fail(&ctx, MF_STAGE_BUILD, list.v[0].code, m->label, "%s; for %s",
			    list.v[0].reason ? list.v[0].reason : mf_error_sentence(list.v[0].code),
			    kernel);
	if (!r && list.n && list.v[0].state != MF_BUILD_BUILT)
		r = mf_fail(&ctx, MF_STAGE_BUILD, -MFE_BUILD, m->label, "%s; for %s",
			    list.v[0].reason ? list.v[0].reason : "it was not built", kernel);
	m->ctx->failure = ctx.failure;
	return r;
}

static int install_for(struct moving *m, const char *kernel)
{
	_cleanup_(mf_strings_done) struct mf_strings labels = { 0 };
	struct mf_context ctx = mf_context_for_kernel(m->ctx, kernel);
	int r = build_install_kept(&ctx, m->source, &labels);

	m->ctx->failure = ctx.failure;
	m->ctx->helper = ctx.helper;
	for (size_t i = 0; !r && i < labels.n; i++)
		r = note(m, "installed %s", labels.v[i]);
	return r;
}

/* dkms gets back what it had. The failure that led to it stays the one of the run. */
static void restore_dkms(struct moving *m)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(m->ctx);

	if (run_dkms(m, "add", NULL) < 0 || dkms_for_all(m, "install") < 0)
		mf_log(m->ctx, MF_LOG_ERROR,
		       "build: %s: dkms has it no more: dkms add %s, then dkms autoinstall; %s",
		       m->label, m->label, m->ctx->failure.why);
}

static int take_over(struct moving *m)
{
	int r = 0;

	if (!m->kernels.n)
		return mf_fail(m->ctx, MF_STAGE_BUILD, -MFE_NOT_FOUND, m->label,
			       "dkms has it installed for no kernel; modfetch build %s builds it",
			       m->source->name);
	for (size_t i = 0; !r && i < m->kernels.n; i++)
		r = build_for(m, m->kernels.v[i]);
	if (!r)
		r = run_dkms(m, "remove", NULL);
	if (r < 0)
		return r;
	r = note(m, "dkms removed %s", m->label);
	for (size_t i = 0; !r && i < m->kernels.n; i++)
		r = install_for(m, m->kernels.v[i]);
	if (r < 0)
		restore_dkms(m);
	return r;
}

/* ---- back to dkms ---- */

/* The installed kernels that it was built for. */
static int find_built(struct moving *m, const struct build_ledger *ledger)
{
	int r = 0;

	for (size_t i = 0; !r && i < ledger->n; i++)
		if (!ledger->v[i].code && !strcmp(ledger->v[i].name, m->source->name) &&
		    mf_kernel_is_installed(m->ctx, ledger->v[i].kernel))
			r = mf_strings_add_unique(&m->kernels, ledger->v[i].kernel);
	return r < 0 ? mf_fail(m->ctx, MF_STAGE_BUILD, r, m->label, NULL) : 0;
}

static int remove_packages(struct moving *m, const struct mf_strings *packages)
{
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "build",
						     .reason = "it goes back to dkms",
						     .selection.remove = packages,
						     .no_load = true };
	int r = mf_pipeline_run(m->ctx, &run);

	for (size_t i = 0; r >= 0 && i < packages->n; i++)
		r = note(m, "removed %s", packages->v[i]);
	return r < 0 ? r : 0;
}

static int forget(struct moving *m, struct build_ledger *ledger)
{
	build_ledger_drop(ledger, m->source->name);
	return build_ledger_write(m->ctx, ledger);
}

static int give_back(struct moving *m)
{
	_cleanup_(build_ledger_done) struct build_ledger ledger = { 0 };
	_cleanup_(mf_strings_done) struct mf_strings packages = { 0 };
	int r = build_ledger_read(m->ctx, &ledger);

	if (!r)
		r = find_built(m, &ledger);
	if (!r)
		r = build_installed(m->ctx, &ledger, m->source->name, &packages);
	if (!r && !packages.n)
		return mf_fail(m->ctx, MF_STAGE_BUILD, -MFE_NOT_FOUND, m->label,
			       "modfetch has not built it");
	if (!r)
		r = run_dkms(m, "add", NULL);
	if (r < 0)
		return r;
	r = dkms_for_all(m, "build");
	if (!r)
		r = remove_packages(m, &packages);
	if (r < 0) {
		_cleanup_(mf_failure_restore) const struct mf_saved_failure saved =
			mf_failure_save(m->ctx);

		/* nothing has changed yet; dkms forgets what it built */
		(void)run_dkms(m, "remove", NULL);
		return r;
	}
	r = forget(m, &ledger);
	if (!r)
		r = dkms_for_all(m, "install");
	return r < 0 ? r : note(m, "dkms installed %s", m->label);
}

int mf_build_take_over(struct mf_context *ctx, const char *name, bool back,
		       struct mf_strings *ret_done)
{
	_cleanup_(moving_done) struct moving m = { .ctx = ctx, .done = ret_done };
	int r;

	if (*ctx->root)
		return mf_fail(ctx, MF_STAGE_BUILD, -MFE_USAGE, name,
			       "dkms works on the running system: call modfetch in that root");
	if (access(DKMS, X_OK) < 0)
		return mf_fail(ctx, MF_STAGE_BUILD, -MFE_TOOL, name, "there is no " DKMS);
	r = mf_sources_find(ctx, name, &m.sources);
	if (!r && !m.sources.n)
		return mf_fail(ctx, MF_STAGE_BUILD, -MFE_NOT_FOUND, name,
			       "there is no /usr/src/%s-VERSION with a dkms.conf", name);
	if (r < 0)
		return r;
	m.source = &m.sources.v[0];
	m.label = mf_format("%s/%s", m.source->name, m.source->version);
	r = m.label ? find_kernels(&m) : -ENOMEM;
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_BUILD, r, name, NULL);
	return back ? give_back(&m) : take_over(&m);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Brings the drivers of a kernel that was installed, before its first boot.
 *
 * First links to drivers of other kernels that fit: depmod prefers them to the kernel's own. Most
 * kernels need nothing else: a distribution's own has all its modules. So the needs are judged, and
 * only if something is missing: metadata if no repository knows this kernel, one run of the pipeline
 * for all, and, if that fails because of one of them, a run for each, so that a bad package costs itself
 * alone. At last links for what could not be had.
 *
 * Nothing is loaded. The kernel is pending before anything is done, until nothing that may still come
 * is missing: a run that is killed, or that has no network, is repeated by the next boot, refresh or
 * queue --retry.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "modfetch/cache.h"
#include "modfetch/cleanup.h"
#include "modfetch/depmod.h"
#include "modfetch/file.h"
#include "modfetch/links.h"
#include "modfetch/module-name.h"
#include "modfetch/pipeline.h"
#include "modfetch/refresh.h"
#include "modfetch/undo.h"
#include "judge.h"

#define VERB "kernel-added"

struct adding {
	struct mf_context *ctx;
	struct needs needs;
	struct mf_gaps gaps;
	struct mf_strings bring;       /* packages and patterns to be installed */
	struct mf_strings unreachable; /* repositories that get no further request */
	struct mf_failure failure;     /* the last one, of what was tried; code 0: none */
	bool metadata_asked;
};

static void adding_done(struct adding *a)
{
	upkeep_needs_done(&a->needs);
	mf_gaps_done(&a->gaps);
	mf_strings_done(&a->bring);
	mf_strings_done(&a->unreachable);
}

static void adding_note(struct adding *a, int r)
{
	if (r < 0)
		a->failure = a->ctx->failure;
}

static int judge_again(struct adding *a)
{
	mf_gaps_done(&a->gaps);
	mf_strings_done(&a->bring);
	return upkeep_judge(a->ctx, &a->needs, &a->gaps, &a->bring);
}

/* ---- before the run ---- */

/* A kernel that was only unpacked has no indexes; then nothing counts as present. */
static int make_indexes(struct mf_context *ctx)
{
	_cleanup_free_ char *path = mf_kernel_path(ctx->kernel, "modules.dep.bin");
	_cleanup_close_ int fd = path ? mf_context_open(ctx, path, O_PATH) : -ENOMEM;

	return fd == -ENOENT ? mf_depmod(ctx, &(struct mf_depmod_options){ 0 }, NULL) : 0;
}

/* Does an enabled repository have packages for this kernel? */
static bool is_served(struct mf_context *ctx)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	bool served = mf_repos_read(ctx, &repos) < 0;

	for (size_t i = 0; !served && i < repos.n; i++) {
		_cleanup_close_ int fd =
			repos.v[i].enabled ? mf_cache_open(ctx, repos.v[i].id, NULL) : -1;
		_cleanup_(mf_served_done) struct mf_served kernels = { 0 };

		served = fd >= 0 && mf_served_read(fd, &kernels) >= 0 &&
			 mf_served_has(&kernels, ctx->kernel);
	}
	return served;
}

/*
 * The mark, indexes, and links of drivers of other kernels, which come before the kernel's own: all
 * that needs the lock and no plan.
 */
static int prepare(struct adding *a)
{
	struct mf_context *ctx = a->ctx;
	_cleanup_close_ int lock = mf_lock(ctx);
	int r = lock < 0 ? lock : mf_kernels_pending_set(ctx, ctx->kernel, "BEGUN");

	if (!r)
		r = mf_undo_recover(ctx);
	if (!r)
		r = make_indexes(ctx);
	if (r < 0)
		return r;
	r = mf_links_recover(ctx);
	adding_note(a, r < 0 ? r : mf_links_add(ctx, NULL, NULL, NULL));
	return 0;
}

/* New metadata, unless a repository knows this kernel. 1: it was asked for; 0; or a recorded failure. */
static int refresh(struct adding *a)
{
	_cleanup_close_ int lock = -1;

	if (is_served(a->ctx))
		return 0;
	lock = mf_lock(a->ctx);
	if (lock < 0)
		return lock;
	a->metadata_asked = true;
	adding_note(a, mf_refresh_all(a->ctx, NULL, false, NULL));
	return 1;
}

/* ---- the runs ---- */

/* Runs the pipeline for WANTS, which stay the caller's, and the packages NAMES (may be NULL). */
static int run_for(struct adding *a, struct mf_wants *wants, const struct mf_strings *names,
		   enum mf_fault *ret_fault)
{
	struct mf_run run = { .verb = VERB,
			      .wants = *wants,
			      .selection.install = names && names->n ? names : NULL,
			      .no_load = true,
			      .metadata_asked = a->metadata_asked,
			      .unreachable = &a->unreachable };
	int r;

	for (size_t i = 0; i < run.wants.n; i++)
		mf_want_clear_matches(&run.wants.v[i]);
	r = mf_pipeline_run(a->ctx, &run);
	adding_note(a, r);
	a->metadata_asked = run.metadata_asked;
	if (ret_fault)
		*ret_fault = run.fault;
	*wants = run.wants;
	run.wants = (struct mf_wants){ 0 };
	mf_run_done(&run);
	return r;
}

/* Runs for want I alone. 0 or -ENOMEM. */
static int run_for_want(struct adding *a, size_t i)
{
	_cleanup_(mf_wants_done) struct mf_wants wants = { 0 };
	_cleanup_(mf_want_done) struct mf_want want = { 0 };
	int r = mf_want_init(a->ctx, a->needs.wants.v[i].query, NULL, &want);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	want.device = a->needs.wants.v[i].device;
	r = mf_wants_add(&wants, &want);
	if (r < 0)
		return r;
	return run_for(a, &wants, NULL, NULL) == -ENOMEM ? -ENOMEM : 0;
}

/* Runs for each want that a repository has, and for each name. 0 or -ENOMEM. */
static int run_for_each(struct adding *a)
{
	int r = 0;

	for (size_t i = 0; !r && i < a->needs.n; i++)
		if (a->needs.wants.v[i].state == MF_AVAILABLE)
			r = run_for_want(a, i);
	for (size_t i = 0; !r && i < a->bring.n; i++) {
		const struct mf_strings one = { &a->bring.v[i], 1, 0 };
		struct mf_wants none = { 0 };

		r = run_for(a, &none, &one, NULL) == -ENOMEM ? -ENOMEM : 0;
	}
	return r;
}

static int run_all(struct adding *a)
{
	enum mf_fault fault = MF_FAULT_NONE;
	int r = run_for(a, &a->needs.wants, &a->bring, &fault);
	bool split = r < 0 && (fault || mf_fault_is_of_package(r) || a->bring.n) &&
		     (!mf_fault_is_transient(r) || mf_fault_is_of_repository(r) || fault);

	if (r == -ENOMEM || !split)
		return r == -ENOMEM ? r : 0;
	/* the state of the wants is the one before the failed transaction */
	r = judge_again(a);
	return r < 0 ? r : run_for_each(a);
}

/* Adds the module of a gap: "xfs", or "snd-hda-intel" of the package "snd-hda-intel-kmp". */
static int add_module_of(struct mf_strings *modules, const char *driver)
{
	const char *end = strstr(driver, "-kmp");
	_cleanup_free_ char *stem = end ? strndup(driver, (size_t)(end - driver)) : strdup(driver);
	char name[MF_MODULE_NAME_SIZE];

	if (!stem)
		return -ENOMEM;
	return mf_module_name(stem, name, sizeof(name)) ? mf_strings_add_unique(modules, name) : 0;
}

/* What no repository gave may be on disk for another kernel. */
static int link_rest(struct adding *a)
{
	_cleanup_(mf_strings_done) struct mf_strings modules = { 0 };
	_cleanup_close_ int lock = -1;
	int r = 0;

	for (size_t i = 0; !r && i < a->gaps.n; i++)
		r = add_module_of(&modules, a->gaps.v[i].driver);
	if (r < 0 || !modules.n)
		return r;
	lock = mf_lock(a->ctx);
	r = lock < 0 ? lock : mf_links_add(a->ctx, &modules, NULL, NULL);
	adding_note(a, r);
	return r > 0 ? judge_again(a) : r == -ENOMEM ? r : 0;
}

/* ---- the end ---- */

/*
 * Something is missing that may come later: the attempt failed, or no repository knows the kernel
 * yet. What a repository that knows it does not have stays a gap.
 */
static const char *still_pending(struct adding *a)
{
	if (!a->gaps.n)
		return NULL;
	if (a->failure.code)
		return mf_error_name(a->failure.code);
	return is_served(a->ctx) ? NULL : mf_error_name(-MFE_NOT_FOUND);
}

/*
 * Sets the code of the kernel; NULL: it is not pending any more. Also without the lock, if another
 * process holds it for too long: the file is replaced as a whole.
 */
static int settle(struct adding *a, const char *code)
{
	bool locked_out = a->ctx->failure.code == -MFE_LOCKED;
	_cleanup_close_ int lock = locked_out ? -1 : mf_lock(a->ctx);

	return mf_kernels_pending_set(a->ctx, a->ctx->kernel, code);
}

static bool is_pending(struct mf_context *ctx)
{
	_cleanup_(mf_strings_done) struct mf_strings kernels = { 0 }, codes = { 0 };

	return mf_kernels_pending_read(ctx, &kernels, &codes) < 0 ||
	       mf_strings_has(&kernels, ctx->kernel);
}

static int bring(struct adding *a)
{
	int r = refresh(a);

	/* new metadata may have packages for names that nobody knew */
	if (r > 0)
		r = judge_again(a);
	if (!r)
		r = run_all(a);
	if (!r)
		r = judge_again(a);
	if (!r && a->gaps.n)
		r = link_rest(a);
	return r;
}

static int add_drivers(struct adding *a)
{
	int r = prepare(a);

	if (!r)
		r = upkeep_collect(a->ctx, &a->needs);
	if (!r)
		r = judge_again(a);
	return !r && a->gaps.n ? bring(a) : r;
}

int mf_kernel_added(struct mf_context *ctx, struct mf_gaps *ret_gaps)
{
	_cleanup_(adding_done) struct adding a = { .ctx = ctx };
	int r;

	if (!mf_kernel_is_installed(ctx, ctx->kernel))
		return mf_fail(ctx, MF_STAGE_KERNEL, -MFE_NOT_FOUND, ctx->kernel,
			       "/lib/modules/%s has no kernel; call it when the kernel's files are "
			       "there",
			       ctx->kernel);
	r = add_drivers(&a);
	if (r < 0) {
		/* the failure of the run is the one to report */
		const struct mf_saved_failure saved = mf_failure_save(ctx);

		(void)settle(&a, mf_error_name(r));
		mf_failure_restore(&saved);
		return r;
	}
	r = settle(&a, still_pending(&a));
	if (!r && a.gaps.n && a.failure.code) {
		ctx->failure = a.failure;
		r = a.failure.code;
	}
	*ret_gaps = a.gaps;
	a.gaps = (struct mf_gaps){ 0 };
	return r;
}

int mf_kernels_retry(struct mf_context *ctx)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);
	_cleanup_(mf_strings_done) struct mf_strings kernels = { 0 }, codes = { 0 };
	int pending = 0, r = mf_kernels_pending_read(ctx, &kernels, &codes);

	for (size_t i = 0; r >= 0 && i < kernels.n; i++) {
		_cleanup_(mf_gaps_done) struct mf_gaps gaps = { 0 };
		struct mf_context other = mf_context_for_kernel(ctx, kernels.v[i]);
		bool waits;

		if (mf_kernel_is_installed(&other, kernels.v[i])) {
			if (mf_kernel_added(&other, &gaps) < 0)
				mf_log(ctx, MF_LOG_WARNING,
				       "kernel: %s still lacks drivers: %s: %s", kernels.v[i],
				       other.failure.what, other.failure.why);
			waits = is_pending(&other);
		} else {
			_cleanup_close_ int lock = mf_lock(&other);

			waits = lock < 0 || mf_kernels_pending_set(&other, kernels.v[i], NULL) < 0;
		}
		ctx->helper = other.helper;
		pending += waits;
	}
	return pending;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Judges the updates that are on trial.
 *
 * An update has passed if each device that the old version had is bound to a driver again; a device
 * that is gone says nothing. It is taken back if one is not, or if the machine went down before
 * anything could be judged: the package that was replaced comes back from the kept ones, without
 * network, the module is loaded again, and the version is not offered any more.
 *
 * The new modules are loaded at the next boot, or at once where the admin asks for it and nothing uses
 * them. A module that others use is never unloaded: the machine would lose more than one device for a
 * moment.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/kept.h"
#include "modfetch/machine.h"
#include "modfetch/pipeline.h"
#include "modfetch/taken-back.h"
#include "modfetch/update.h"
#include "way.h"

#define VERB	"take-back"
#define POLL_US 20000

void mf_trial_results_done(struct mf_trial_results *results)
{
	mf_strings_done(&results->passed);
	mf_strings_done(&results->taken_back);
	mf_strings_done(&results->waiting);
}

static int note_result(struct mf_context *ctx, struct mf_strings *list,
		       const struct mf_trial *trial, const char *why)
{
	_cleanup_free_ char *line =
		mf_format("%s %s%s%s", trial->name, trial->evr, why ? ": " : "", why ? why : "");
	int r = line ? mf_strings_add(list, line) : -ENOMEM;

	return r < 0 ? mf_fail(ctx, MF_STAGE_LOAD, r, "trial", NULL) : 0;
}

/* ---- devices ---- */

static bool device_exists(const struct mf_context *ctx, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_PATH | O_DIRECTORY);

	return fd >= 0;
}

/* A device that exists and has no driver, or NULL. RET_SEEN: how many exist. */
static const char *unbound_device(const struct mf_context *ctx, const struct mf_trial *trial,
				  size_t *ret_seen)
{
	const char *unbound = NULL;

	*ret_seen = 0;
	for (size_t i = 0; i < trial->devices.n; i++) {
		_cleanup_free_ char *driver = NULL;

		if (!device_exists(ctx, trial->devices.v[i]))
			continue;
		(*ret_seen)++;
		driver = mf_device_driver(ctx, trial->devices.v[i]);
		if (!driver && !unbound)
			unbound = trial->devices.v[i];
	}
	return unbound;
}

/* The same after at most WAIT_MS. */
static const char *wait_for_devices(const struct mf_context *ctx, const struct mf_trial *trial,
				    unsigned int wait_ms, size_t *ret_seen)
{
	uint64_t until = mf_now_us() + (uint64_t)wait_ms * 1000;
	const char *unbound;

	while (((unbound = unbound_device(ctx, trial, ret_seen)) || !*ret_seen) &&
	       mf_now_us() < until)
		usleep(POLL_US);
	return unbound;
}

/* A want for each device, so that its driver is loaded and waited for. 0 or -ENOMEM. */
static int want_devices(struct mf_context *ctx, const struct mf_trial *trial,
			struct mf_wants *wants)
{
	int r = 0;

	for (size_t i = 0; !r && i < trial->devices.n; i++) {
		_cleanup_(mf_want_done) struct mf_want want = { 0 };

		if (!device_exists(ctx, trial->devices.v[i]) ||
		    mf_want_init_device(ctx, trial->devices.v[i], &want) < 0)
			continue;
		r = mf_wants_add(wants, &want);
	}
	return r;
}

/* ---- the trial of one update ---- */

/* Unloads the modules of a trial, those first that others of it use. 0, or -EBUSY or another -errno. */
static int unload_modules(const struct mf_context *ctx, const struct mf_trial *trial)
{
	size_t left = trial->modules.n, before = left + 1;
	int r = 0;

	while (left && left < before) {
		before = left;
		left = 0;
		for (size_t i = 0; i < trial->modules.n; i++) {
			int unloaded = mf_module_unload(ctx, trial->modules.v[i]);

			left += unloaded < 0;
			r = unloaded < 0 ? unloaded : r;
		}
	}
	return left ? r : 0;
}

/* Loads what the devices want, from disk. A failure shows in the devices. */
static void load_modules(struct mf_context *ctx, const struct mf_trial *trial)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "trial", .metadata_asked = true };

	if (want_devices(ctx, trial, &run.wants) < 0 || mf_pipeline_run(ctx, &run) < 0)
		mf_log(ctx, MF_LOG_WARNING, "load: %s: %s", ctx->failure.what, ctx->failure.why);
}

/* Installs the package that was replaced, and loads its modules. 0 or a recorded failure. */
static int bring_old(struct mf_context *ctx, const struct mf_trial *trial, const char *why)
{
	const struct mf_strings labels = { &(char *){ trial->old_label }, 1, 0 };
	const struct mf_version version = { trial->old_label, NULL };
	_cleanup_(mf_local_done) struct mf_local kept = { 0 };
	_cleanup_(mf_run_done) struct mf_run run = { .verb = VERB,
						     .reason = why,
						     .selection.versions = &version,
						     .selection.n_versions = 1,
						     .locals = &kept,
						     .n_locals = 1,
						     .metadata_asked = true };
	int r = mf_local_from_kept(ctx, &labels, &kept);

	if (!r && !kept.n)
		mf_log(ctx, MF_LOG_WARNING,
		       "install: %s is not kept on this machine; a repository is asked for it",
		       trial->old_label);
	if (!r && want_devices(ctx, trial, &run.wants) < 0)
		r = mf_fail(ctx, MF_STAGE_LOAD, -ENOMEM, "trial", NULL);
	return r < 0 ? r : mf_pipeline_run(ctx, &run);
}

static int take_back(struct mf_context *ctx, const struct mf_trial *trial, const char *why,
		     struct mf_trial_results *results)
{
	_cleanup_close_ int lock = -1;
	int r;

	mf_log(ctx, MF_LOG_WARNING, "load: %s %s is taken back: %s", trial->name, trial->evr, why);
	if (unload_modules(ctx, trial) < 0)
		mf_log(ctx, MF_LOG_WARNING,
		       "load: a module of %s is in use: the old version is loaded at the next boot",
		       trial->new_label);
	r = bring_old(ctx, trial, why);
	if (r < 0)
		return r;
	lock = mf_lock(ctx);
	r = lock < 0 ? lock : mf_taken_back_set(ctx, trial->name, trial->evr, why);
	return r < 0 ? r : note_result(ctx, &results->taken_back, trial, why);
}

/* ---- the list ---- */

/* Ends trial I of the list, or notes in which boot it begins (NULL: in none). */
static int settle(struct mf_context *ctx, const struct mf_trial *trial, bool ends,
		  const char *begun)
{
	_cleanup_(mf_trials_done) struct mf_trials trials = { 0 };
	_cleanup_close_ int lock = mf_lock(ctx);
	int r = lock < 0 ? lock : mf_trials_read(ctx, &trials);

	for (size_t i = trials.n; !r && i > 0; i--) {
		struct mf_trial *t = &trials.v[i - 1];

		if (strcmp(t->kernel, trial->kernel) != 0 ||
		    strcmp(t->new_label, trial->new_label) != 0)
			continue;
		if (ends) {
			mf_trials_drop(&trials, i - 1);
			continue;
		}
		free(t->begun);
		t->begun = begun ? strdup(begun) : NULL;
		if (begun && !t->begun)
			r = mf_fail(ctx, MF_STAGE_LOAD, -ENOMEM, "trial", NULL);
	}
	return r < 0 ? r : mf_trials_write(ctx, &trials);
}

/* The trial ends, whatever comes of taking it back: it must not begin again at each boot. */
static int fail_trial(struct mf_context *ctx, const struct mf_trial *trial, const char *why,
		      struct mf_trial_results *results)
{
	int r = take_back(ctx, trial, why, results);
	struct mf_saved_failure saved = mf_failure_save(ctx);
	int ended = settle(ctx, trial, true, NULL);

	if (r < 0)
		mf_failure_restore(&saved);
	return r < 0 ? r : ended;
}

static int pass_or_fail(struct mf_context *ctx, const struct mf_trial *trial, unsigned int wait_ms,
			struct mf_trial_results *results)
{
	_cleanup_free_ char *why = NULL;
	size_t seen;
	const char *unbound = wait_for_devices(ctx, trial, wait_ms, &seen);
	int r;

	if (!seen) {
		r = settle(ctx, trial, false, NULL);
		return r < 0 ? r
			     : note_result(ctx, &results->waiting, trial,
					   "none of its devices is connected");
	}
	if (!unbound) {
		r = settle(ctx, trial, true, NULL);
		return r < 0 ? r : note_result(ctx, &results->passed, trial, NULL);
	}
	why = mf_format("the device %s has no driver with it", unbound);
	return fail_trial(ctx, trial, why ? why : "", results);
}

/* ---- now ---- */

static int reload(struct mf_context *ctx, const struct mf_trial *trial,
		  struct mf_trial_results *results)
{
	char boot[MF_BOOT_ID_SIZE];
	int r;

	mf_boot_id(ctx, boot);
	/* if the machine goes down now, the next boot knows why */
	r = settle(ctx, trial, false, boot);
	if (r < 0)
		return r;
	if (unload_modules(ctx, trial) < 0) {
		/* some may be gone already */
		load_modules(ctx, trial);
		r = settle(ctx, trial, false, NULL);
		return r < 0 ? r
			     : note_result(ctx, &results->waiting, trial,
					   "its driver is in use; the next boot loads it");
	}
	load_modules(ctx, trial);
	return pass_or_fail(ctx, trial, ctx->settings.bind_timeout, results);
}

/* A trial of another kernel waits until that runs. */
static bool is_of_this_kernel(const struct mf_context *ctx, const struct mf_trial *trial)
{
	return ctx->kernel_running && !strcmp(trial->kernel, ctx->kernel);
}

int mf_trials_reload(struct mf_context *ctx, struct mf_trial_results *ret_results)
{
	_cleanup_(mf_trials_done) struct mf_trials trials = { 0 };
	int r = mf_trials_read(ctx, &trials);

	for (size_t i = 0; !r && i < trials.n; i++)
		if (is_of_this_kernel(ctx, &trials.v[i]) && !trials.v[i].begun)
			r = reload(ctx, &trials.v[i], ret_results);
	return r;
}

/* ---- after a boot ---- */

static int judge(struct mf_context *ctx, const struct mf_trial *trial, unsigned int wait_ms,
		 struct mf_trial_results *results)
{
	char boot[MF_BOOT_ID_SIZE];
	int r = 0;

	mf_boot_id(ctx, boot);
	/* it was removed or replaced since */
	if (!update_is_installed(ctx, trial->new_label, &r))
		return r < 0 ? r : settle(ctx, trial, true, NULL);
	if (mf_trial_went_down(ctx, trial))
		return fail_trial(ctx, trial, "the machine went down with it", results);
	/* the old modules are still loaded */
	if (!strcmp(trial->boot, boot))
		return 0;
	return pass_or_fail(ctx, trial, wait_ms, results);
}

int mf_trials_judge(struct mf_context *ctx, unsigned int wait_ms,
		    struct mf_trial_results *ret_results)
{
	_cleanup_(mf_trials_done) struct mf_trials trials = { 0 };
	struct mf_failure failure = { 0 };
	int r = mf_trials_read(ctx, &trials), result = 0;

	for (size_t i = 0; !r && i < trials.n; i++) {
		int judged = is_of_this_kernel(ctx, &trials.v[i])
				     ? judge(ctx, &trials.v[i], wait_ms, ret_results)
				     : 0;

		/* one that cannot be taken back must not keep the others from it */
		if (judged < 0) {
			result = judged;
			failure = ctx->failure;
		}
	}
	mf_trials_unblock(ctx);
	if (result < 0)
		ctx->failure = failure;
	return r < 0 ? r : result;
}

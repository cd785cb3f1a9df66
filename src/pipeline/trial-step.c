/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decides which packages of a run are on trial.
 *
 * Those that replace an installed version whose driver has a device at this moment. A driver without a
 * device has nothing to prove.
 */
#include "trial-step.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/asked.h"
#include "modfetch/cleanup.h"
#include "modfetch/machine.h"
#include "modfetch/trials.h"

#define DEVICES_MAX 64 /* enough to judge a driver by */

static int trial_of(const struct mf_context *ctx, const struct mf_plan_item *item,
		    struct mf_trial *ret_trial)
{
	char boot[MF_BOOT_ID_SIZE];
	enum mf_asked_kind kind;
	int r = 0;

	mf_boot_id(ctx, boot);
	*ret_trial = (struct mf_trial){
		.kernel = strdup(ctx->kernel),
		.old_label = strdup(item->replaces),
		.new_label = mf_plan_item_label(item),
		.name = mf_asked_short_name(item->name, ctx->kernel, &kind),
		.evr = strdup(item->evr),
		.boot = strdup(boot),
	};
	for (size_t i = 0; !r && i < item->modules.n; i++) {
		r = mf_strings_add(&ret_trial->modules, item->modules.v[i]);
		if (!r)
			r = mf_module_devices(ctx, item->modules.v[i], DEVICES_MAX,
					      &ret_trial->devices);
	}
	return r;
}

int mf_trial_step_begin(struct mf_context *ctx, const struct mf_run *run)
{
	_cleanup_(mf_trials_done) struct mf_trials trials = { 0 };
	bool begins = false;
	int r = 0;

	if (!run->trial || *ctx->root || !mf_machine_has_devices(ctx))
		return 0;
	r = mf_trials_read(ctx, &trials);
	for (size_t i = 0; !r && i < run->plan.n; i++) {
		const struct mf_plan_item *item = &run->plan.items[i];
		_cleanup_(mf_trial_done) struct mf_trial trial = { 0 };

		if (!item->replaces)
			continue;
		r = trial_of(ctx, item, &trial);
		if (r < 0 || !trial.devices.n)
			continue;
		begins = true;
		r = mf_trials_add(&trials, &trial);
	}
	if (r < 0)
		return r == -ENOMEM ? mf_fail(ctx, MF_STAGE_LOAD, r, "/" MF_TRIALS_FILE, NULL) : r;
	r = begins ? mf_trials_write(ctx, &trials) : 0;
	if (r != -EROFS)
		return r;
	mf_log(ctx, MF_LOG_WARNING, "load: the update is not on trial: %s: %s", ctx->failure.what,
	       ctx->failure.why);
	ctx->failure = (struct mf_failure){ 0 };
	return 0;
}

static bool is_of_run(const struct mf_run *run, const char *label)
{
	for (size_t i = 0; i < run->plan.n; i++) {
		_cleanup_free_ char *of_item = mf_plan_item_label(&run->plan.items[i]);

		if (of_item && !strcmp(of_item, label))
			return true;
	}
	return false;
}

void mf_trial_step_undo(struct mf_context *ctx, const struct mf_run *run)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);
	_cleanup_(mf_trials_done) struct mf_trials trials = { 0 };
	size_t before;

	if (!run->trial || mf_trials_read(ctx, &trials) < 0)
		return;
	before = trials.n;
	for (size_t i = trials.n; i > 0; i--)
		if (is_of_run(run, trials.v[i - 1].new_label))
			mf_trials_drop(&trials, i - 1);
	if (trials.n < before && mf_trials_write(ctx, &trials) < 0)
		mf_log(ctx, MF_LOG_WARNING, "load: %s: %s", ctx->failure.what, ctx->failure.why);
}

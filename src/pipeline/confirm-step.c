/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which plans need the user's consent, and whether they have it.
 *
 * The user is asked without the lock, so the plan is made again afterwards, and something may have
 * changed meanwhile. What was agreed to is kept as the labels of packages: a new plan that is part of
 * it is carried out, one with anything else is asked for again.
 */
#include "confirm-step.h"
#include <errno.h>
#include "modfetch/cleanup.h"

/* The mark of a label to remove: no label begins with it. */
#define REMOVED "-"

static bool has_to_be_asked(const struct mf_run *run)
{
	const struct mf_plan *plan = &run->plan;

	return run->confirm && (run->confirm_always || plan->removed.n ||
				plan->n > MF_CONFIRM_PACKAGES || plan->download > MF_CONFIRM_BYTES);
}

/* Calls ON_LABEL for each package of the plan, until it returns something else than 0. */
static int each_label(const struct mf_plan *plan, int (*on_label)(void *arg, const char *label),
		      void *arg)
{
	int r = 0;

	for (size_t i = 0; !r && i < plan->n; i++) {
		_cleanup_free_ char *label = mf_plan_item_label(&plan->items[i]);

		r = label ? on_label(arg, label) : -ENOMEM;
	}
	for (size_t i = 0; !r && i < plan->removed.n; i++) {
		_cleanup_free_ char *label = mf_format(REMOVED "%s", plan->removed.v[i]);

		r = label ? on_label(arg, label) : -ENOMEM;
	}
	return r;
}

static int confirm_on_label(void *arg, const char *label)
{
	return mf_strings_has(arg, label) ? 0 : 1;
}

static int confirm_add_label(void *arg, const char *label)
{
	return mf_strings_add_unique(arg, label) < 0 ? -ENOMEM : 0;
}

int mf_confirm_step(struct mf_context *ctx, const struct mf_run *run)
{
	int r;

	if (!has_to_be_asked(run))
		return 0;
	r = each_label(&run->plan, confirm_on_label, (void *)&run->confirmed);
	if (r > 0)
		r = -MFE_NOT_CONFIRMED;
	return r < 0 ? mf_fail(ctx, MF_STAGE_COMMAND, r, run->verb, NULL) : 0;
}

int mf_confirm_ask(struct mf_context *ctx, struct mf_run *run)
{
	int r = run->confirm(run->confirm_arg, ctx, run);

	if (r < 0)
		return r;
	r = each_label(&run->plan, confirm_add_label, &run->confirmed);
	return r < 0 ? mf_fail(ctx, MF_STAGE_COMMAND, r, run->verb, NULL) : 0;
}

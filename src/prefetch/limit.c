/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The plan for what is to be prefetched, within a limit.
 *
 * It is the plan of a dry run: the same packages, dependencies and firmware as if all of the devices were
 * plugged in now, with the same policy. What is installed is not in it, nor what cannot be installed.
 * If all of it has too many bytes, the wants are added by halves, in their order: a part that does not fit
 * is halved until a single want does not fit, which is left out. After some of these the rest is left out
 * unseen, since each try costs a plan.
 */
#include "wanted.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"

enum { LEFT_OUT_MAX = 16 }; /* single wants that did not fit before the rest is left out */

struct fitting {
	struct mf_context *ctx;
	const struct wanted *wanted;
	uint64_t limit;
	bool *chosen; /* of the queries */
	bool with_packages;
	struct mf_run best; /* the last plan that fits */
	bool planned;
	struct mf_strings *left_out;
	size_t rejected;
};

static void fitting_done(struct fitting *f)
{
	free(f->chosen);
	mf_run_done(&f->best);
}

/* Plans for the chosen queries. As mf_pipeline_run(). */
static int plan_chosen(const struct fitting *f, struct mf_run *run)
{
	const struct wanted *wanted = f->wanted;
	int r = 0;

	*run = (struct mf_run){
		.verb = "prefetch",
		.dry_run = true,
		.selection.install =
			f->with_packages && wanted->packages.n ? &wanted->packages : NULL,
	};
	for (size_t i = 0; !r && i < wanted->queries.n; i++) {
		struct mf_want want;

		if (!f->chosen[i])
			continue;
		r = mf_want_init_any(f->ctx, wanted->queries.v[i], NULL, &want);
		if (r < 0)
			break;
		r = mf_wants_add(&run->wants, &want);
		if (r < 0)
			mf_want_done(&want);
	}
	if (r < 0)
		return mf_fail(f->ctx, MF_STAGE_RESOLVE, r, "prefetch", NULL);
	return mf_pipeline_run(f->ctx, run);
}

static uint64_t bytes_of(const struct mf_plan *plan)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < plan->n; i++)
		bytes += plan->items[i].size;
	return bytes;
}

/* Plans; keeps the plan if it fits. 1: it does not; 0; or a recorded failure. */
static int try_chosen(struct fitting *f)
{
	_cleanup_(mf_run_done) struct mf_run run = { 0 };
	int r = plan_chosen(f, &run);

	/* none of them can be installed: the plan before holds */
	if (r < 0 && mf_fault_is_of_package(r)) {
		mf_log(f->ctx, MF_LOG_DEBUG, "prefetch: %s: %s", f->ctx->failure.what,
		       f->ctx->failure.why);
		return 0;
	}
	if (r < 0)
		return r;
	if (bytes_of(&run.plan) > f->limit)
		return 1;
	mf_run_done(&f->best);
	f->best = run;
	f->planned = r == 0;
	run = (struct mf_run){ 0 };
	return 0;
}

static void choose(struct fitting *f, size_t from, size_t to, bool chosen)
{
	for (size_t i = from; i < to; i++)
		f->chosen[i] = chosen;
}

static int leave_out(struct fitting *f, size_t from, size_t to)
{
	int r = 0;

	for (size_t i = from; !r && i < to; i++)
		r = mf_strings_add(f->left_out, f->wanted->queries.v[i]);
	return r < 0 ? mf_fail(f->ctx, MF_STAGE_RESOLVE, r, "prefetch", NULL) : 0;
}

/* Adds the queries from FROM to TO, as far as they fit. 0 or a recorded failure. */
static int add_fitting(struct fitting *f, size_t from, size_t to)
{
	size_t middle = from + (to - from) / 2;
	int r;

	if (from == to)
		return 0;
	if (f->rejected == LEFT_OUT_MAX)
		return leave_out(f, from, to);
	choose(f, from, to, true);
	r = try_chosen(f);
	if (r <= 0)
		return r;
	choose(f, from, to, false);
	if (to - from == 1) {
		f->rejected++;
		return leave_out(f, from, to);
	}
	r = add_fitting(f, from, middle);
	return r < 0 ? r : add_fitting(f, middle, to);
}

int prefetch_plan(struct mf_context *ctx, const struct wanted *wanted, uint64_t limit,
		  struct mf_run *ret_run, struct mf_strings *left_out)
{
	_cleanup_(fitting_done) struct fitting f = {
		.ctx = ctx,
		.wanted = wanted,
		.limit = limit,
		.with_packages = true,
		.left_out = left_out,
		.chosen = calloc(wanted->queries.n + 1, sizeof(bool)),
	};
	int r;

	if (!f.chosen)
		return mf_fail(ctx, MF_STAGE_RESOLVE, -ENOMEM, "prefetch", NULL);
	/* packages without modules have to fit before a driver does */
	r = wanted->packages.n ? try_chosen(&f) : 0;
	if (r == 1) {
		f.with_packages = false;
		for (size_t i = 0; r > 0 && i < wanted->packages.n; i++)
			if (mf_strings_add(left_out, wanted->packages.v[i]) < 0)
				r = mf_fail(ctx, MF_STAGE_RESOLVE, -ENOMEM, "prefetch", NULL);
	}
	if (r >= 0)
		r = add_fitting(&f, 0, wanted->queries.n);
	if (r < 0)
		return r;
	ctx->failure = (struct mf_failure){ 0 };
	*ret_run = f.best;
	f.best = (struct mf_run){ 0 };
	return f.planned ? 0 : 1;
}

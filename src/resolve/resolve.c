/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes a plan from wants.
 *
 * Each wanted module becomes one job: the best package that contains it or, if that one cannot be
 * installed, any of them. libsolv adds what they need and what drivers recommend. The packages it
 * added are checked against the policy too: a refused package is hidden from libsolv and the
 * problem solved again, so that another provider, or a plan without a mere recommendation, may
 * still be found. If the wants cannot be satisfied together, they are added by halves, and the
 * single ones that do not fit get the reason and are left out: one of a hundred drivers of a
 * machine that cannot be installed must not cost the others. A driver never adds another kernel.
 */
#include "modfetch/resolve.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/solve.h"
#include "elsewhere.h"
#include "held.h"
#include "planning.h"
#include "scripts.h"
#include "version.h"

static void planning_done(struct planning *p)
{
	resolve_clear_jobs(p);
	free(p->jobs);
	free(p->askers);
	free(p->other_builds);
	mf_scriptlets_done(&p->scriptlets);
	if (p->pool)
		mf_refusals_done(&p->refusals);
}

/* ---- the policy on added packages ---- */

/*
 * Finds the want that a step was added for, at the end of the chain of dependencies. NULL: a name
 * given to install.
 */
static const struct mf_want *find_asker(const struct planning *p,
					const struct mf_solution *solution,
					const struct mf_step *step)
{
	int id = step->id;

	for (size_t depth = 0; step && step->needed_by && depth < solution->n; depth++) {
		const struct mf_step *next = NULL;

		id = step->needed_by;
		for (size_t i = 0; !next && i < solution->n; i++)
			if (solution->steps[i].id == id)
				next = &solution->steps[i];
		step = next;
	}
	for (size_t i = 0; i < p->n_jobs; i++)
		for (size_t j = 0; j < p->jobs[i].n; j++)
			if (p->jobs[i].ids[j] == id)
				return p->askers[i];
	return NULL;
}

/* Refuses the steps that the policy refuses. Returns their number or -ENOMEM. */
static int refuse_steps(struct planning *p, const struct mf_solution *solution)
{
	int refused = 0;

	for (size_t i = 0; i < solution->n; i++) {
		const struct mf_step *step = &solution->steps[i];
		char *why;
		int r;

		/* requested packages were checked for their want */
		if (step->erase || (!step->needed_by && find_asker(p, solution, step)))
			continue;
		r = mf_judge_package(&p->judge, step->id, find_asker(p, solution, step), NULL,
				     &why);
		if (r == 1)
			r = mf_refusals_add(&p->refusals, step->id, -MFE_DENIED, why);
		else if (!r)
			continue;
		if (r < 0)
			return r;
		refused++;
	}
	return refused;
}

/* Fills in the want of each item of the plan. */
static void set_askers(struct planning *p, const struct mf_solution *solution, struct mf_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		plan->items[i].asker =
			find_asker(p, solution, &solution->steps[plan->items[i].step]);
}

/* Fills in the names of the packages that the names to remove mean. */
static int set_meant(const struct planning *p, struct mf_plan *plan)
{
	int r = 0;

	for (size_t i = 0; i < p->n_jobs; i++)
		for (size_t j = 0; !r && p->jobs[i].erase && j < p->jobs[i].n; j++)
			r = mf_strings_add_unique(&plan->meant,
						  mf_pool_name(p->pool, p->jobs[i].ids[j]));
	return r < 0 ? mf_fail(p->ctx, MF_STAGE_RESOLVE, r, "plan", NULL) : 0;
}

/* ---- solving ---- */

/* Solves the current jobs. 0 or a recorded failure. */
static int solve_jobs(struct planning *p, struct mf_plan *ret_plan)
{
	_cleanup_(mf_solution_done) struct mf_solution solution = { 0 };
	int r;

	mf_refusals_truncate(&p->refusals, p->n_known);
	do {
		mf_solution_done(&solution);
		r = mf_pool_solve(p->pool, p->jobs, p->n_jobs, &solution);
		if (!r && !solution.solved)
			return mf_solver_problem_fail(p->ctx, &p->refusals, &solution);
		if (!r)
			r = refuse_steps(p, &solution);
		if (!r)
			r = mf_version_refuse_older(&p->refusals, &solution, p->jobs, p->n_jobs);
	} while (r > 0);
	if (r < 0)
		return mf_fail(p->ctx, MF_STAGE_RESOLVE, r, "plan", NULL);
	p->replaces = mf_solution_replaces(&solution);
	r = mf_held_check(p->ctx, p->judge.rules, p->selection, p->pool, &solution);
	if (!r)
		r = mf_plan_make(p->ctx, p->pool, &solution, ret_plan);
	if (r < 0)
		return r;
	set_askers(p, &solution, ret_plan);
	r = set_meant(p, ret_plan);
	if (r < 0)
		mf_plan_done(ret_plan);
	return r;
}

/* Plans for the first N wants and the selection. 1: there is nothing to plan for. */
static int plan_once(struct planning *p, const struct mf_want *wants, size_t n, bool any_package,
		     struct mf_plan *ret_plan)
{
	int r;

	p->any_package = any_package;
	/* libsolv prefers the newest, whatever kernel it is for */
	for (size_t i = 0; i < p->n_other_builds; i++)
		mf_pool_refuse(p->pool, p->other_builds[i], !any_package);
	r = resolve_collect_jobs(p, wants, n);
	if (r < 0)
		return r;
	return p->n_jobs ? solve_jobs(p, ret_plan) : 1;
}

static int plan_wants(struct planning *p, const struct mf_want *wants, size_t n,
		      struct mf_plan *ret_plan)
{
	int r = plan_once(p, wants, n, false, ret_plan);

	return r < 0 ? plan_once(p, wants, n, true, ret_plan) : r;
}

static void resolve_leave_out(struct planning *p, struct mf_want *want)
{
	const struct mf_failure *f = &p->ctx->failure;

	want->state = f->code == -MFE_DENIED || f->code == -MFE_SCRIPTLET ? MF_DENIED : MF_UNKNOWN;
	want->code = f->code == -MFE_SCRIPTLET ? f->code : want->code;
	mf_want_reason(want, "%s %s", f->what, f->why);
	mf_log(p->ctx, MF_LOG_DEBUG, "resolve: %s: %s", want->query, want->reason);
}

/*
 * Adds the wants from FROM up to TO to the earlier ones, which fit together; those that do not fit
 * get the reason and are left out.
 */
static void add_fitting(struct planning *p, struct mf_wants *wants, size_t from, size_t to)
{
	_cleanup_(mf_plan_done) struct mf_plan plan = { 0 };

	if (from == to || plan_wants(p, wants->v, to, &plan) >= 0)
		return;
	if (to - from == 1) {
		if (wants->v[from].state == MF_AVAILABLE)
			resolve_leave_out(p, &wants->v[from]);
		return;
	}
	add_fitting(p, wants, from, from + (to - from) / 2);
	add_fitting(p, wants, from + (to - from) / 2, to);
}

/* The reason for a misplaced module is one of what the package has. */
static int refuse_verdict(struct planning *p, int id, const struct mf_package *package,
			  const char *why)
{
	int code = mf_verdicts_code(p->judge.refused, package);

	return mf_refusals_add(&p->refusals, id, code,
			       mf_format("%s%s", code == -MFE_MISPLACED ? "it has " : "", why));
}

/* Refuses the packages that were refused earlier in this run. */
static int refuse_known(struct planning *p)
{
	const struct mf_verdicts *verdicts = p->judge.refused;
	int r = 0;

	for (size_t i = 0; !r && verdicts && verdicts->whys.n && i < p->judge.repos->n; i++) {
		_cleanup_free_ int *ids = NULL;
		size_t n = 0;

		r = mf_pool_list(p->pool, (int)i, &ids, &n);
		for (size_t j = 0; !r && j < n; j++) {
			struct mf_package package;
			const char *why;

			mf_pool_package(p->pool, ids[j], &package);
			why = mf_verdicts_find(verdicts, &package);
			if (why)
				r = refuse_verdict(p, ids[j], &package, why);
		}
	}
	return r < 0 ? mf_fail(p->ctx, MF_STAGE_RESOLVE, r, "plan", NULL) : 0;
}

/* Refuses the packages whose repositories may not have scriptlets. 0 or a recorded failure. */
static int refuse_scripts(struct planning *p)
{
	int r = mf_scriptlets_read(p->ctx, &p->scriptlets);

	if (r < 0)
		return r;
	p->judge.scriptlets = &p->scriptlets;
	r = resolve_scripts_refuse(&p->judge, &p->refusals);
	return r < 0 ? mf_fail(p->ctx, MF_STAGE_RESOLVE, r, "plan", NULL) : 0;
}

/* If nothing is left of the request, fails with the reason of the first want that was taken away. */
static int check_any_left(struct planning *p, const struct mf_wants *wants)
{
	bool left = mf_wants_any_available(wants);

	for (size_t i = 0; !left && i < wants->n; i++)
		if (wants->v[i].state == MF_DENIED || wants->v[i].code)
			return mf_fail(p->ctx, MF_STAGE_RESOLVE,
				       wants->v[i].code ? wants->v[i].code : -MFE_DENIED,
				       wants->v[i].query, "%s", wants->v[i].reason);
	return 0;
}

/* Adds the refusals that apply to all plans over the current pool, and judges the wants. */
static int planning_start(struct planning *p, struct mf_wants *wants)
{
	int r;

	p->judge.pool = p->refusals.pool = p->pool;
	mf_choice_rank(p->catalog, &p->judge);
	r = mf_elsewhere_refuse_kernels(p->ctx, p->selection ? p->selection->install : NULL,
					&p->refusals);
	if (!r)
		r = mf_elsewhere_refuse(p->ctx, &p->refusals);
	if (!r)
		r = mf_held_refuse(p->ctx, p->judge.rules, p->selection, &p->refusals);
	if (!r && resolve_held_other_builds(&p->judge, &p->other_builds, &p->n_other_builds) < 0)
		r = mf_fail(p->ctx, MF_STAGE_RESOLVE, -ENOMEM, "plan", NULL);
	if (!r)
		r = mf_version_refuse_taken_back(p->ctx, p->selection, &p->refusals);
	if (!r)
		r = refuse_scripts(p);
	p->n_unreported = p->refusals.n;
	if (!r)
		r = refuse_known(p);
	p->n_known = p->refusals.n;
	if (r < 0)
		return r;
	r = mf_judge_wants(&p->judge, wants);
	return r < 0 ? mf_fail(p->ctx, MF_STAGE_RESOLVE, r, "plan", NULL)
		     : check_any_left(p, wants);
}

/*
 * Plans for modules only, with the lists in the form for planning. 2: plan with the whole lists, which
 * can also give the reason why something cannot be installed, and say what installed packages need.
 */
static int plan_with_form(struct planning *p, struct mf_wants *wants, struct mf_plan *ret_plan)
{
	int r = mf_catalog_pool(p->ctx, p->catalog, &p->pool);

	if (r < 0)
		return r;
	if (mf_catalog_is_whole(p->catalog))
		return 2;
	r = planning_start(p, wants);
	if (!r)
		r = plan_once(p, wants->v, wants->n, false, ret_plan);
	if (!r && p->replaces) {
		mf_plan_done(ret_plan);
		return 2;
	}
	if (r >= 0 || !mf_wants_any_available(wants))
		return r;
	p->ctx->failure = (struct mf_failure){ 0 };
	return 2;
}

static int plan_with_whole_lists(struct planning *p, struct mf_wants *wants, bool named,
				 struct mf_plan *ret_plan)
{
	bool removal = p->selection && p->selection->remove && p->selection->remove->n;
	int r = removal ? mf_catalog_pool_removal(p->ctx, p->catalog, &p->pool)
			: mf_catalog_pool_whole(p->ctx, p->catalog, &p->pool);

	if (r < 0)
		return r;
	r = planning_start(p, wants);
	if (!r)
		r = plan_wants(p, wants->v, wants->n, ret_plan);
	if (r < 0 && mf_wants_any_available(wants)) {
		struct mf_failure why = p->ctx->failure;

		add_fitting(p, wants, 0, wants->n);
		p->ctx->failure = why;
		if (mf_wants_any_available(wants) || named)
			r = plan_wants(p, wants->v, wants->n, ret_plan);
	}
	return r;
}

/* Logs the recommendations and other providers that the policy refused. */
static void report_left_out(const struct planning *p)
{
	for (size_t i = p->n_unreported; i < p->refusals.n; i++) {
		struct mf_package package;

		mf_pool_package(p->pool, p->refusals.v[i].id, &package);
		mf_log(p->ctx, MF_LOG_INFO, "resolve: %s is left out: %s [%s]", package.name,
		       p->refusals.v[i].why, mf_error_name(p->refusals.v[i].code));
	}
}

int mf_resolve(struct mf_context *ctx, struct mf_catalog *catalog, const struct mf_policy *policy,
	       struct mf_wants *wants, const struct mf_selection *selection,
	       struct mf_plan *ret_plan)
{
	const struct planning start = {
		.ctx = ctx,
		.catalog = catalog,
		.judge = { .policy = policy,
			   .rules = mf_policy_rules(policy),
			   .repos = mf_catalog_repos(catalog),
			   .catalog = catalog,
			   .refused = selection ? selection->refused : NULL },
		.selection = selection,
	};
	_cleanup_(planning_done) struct planning p = start;
	bool named = selection && (selection->install || selection->remove || selection->again ||
				   selection->n_versions);
	int r;

	if (!named && !mf_wants_any_available(wants))
		return 1;
	r = named || mf_wants_any_broken(wants) ? 2 : plan_with_form(&p, wants, ret_plan);
	if (r == 2) {
		planning_done(&p);
		p = start;
		r = plan_with_whole_lists(&p, wants, named, ret_plan);
	}
	if (r)
		return r;
	report_left_out(&p);
	return ret_plan->n || ret_plan->erase.n ? 0 : 1;
}

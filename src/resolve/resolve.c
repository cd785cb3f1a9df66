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
#include "solver-problem.h"

struct planning {
	struct mf_context *ctx;
	struct mf_catalog *catalog;
	struct mf_judge judge;
	const struct mf_selection *selection;
	struct mf_pool *pool;
	struct mf_job *jobs;
	const struct mf_want **askers; /* one per job; NULL: a name given to install */
	size_t n_jobs, jobs_room, askers_room;
	struct mf_refusals refusals;
	size_t n_kernels; /* the first ones of refusals: other kernels */
	size_t n_known;	  /* these and the packages that were refused earlier in this run */
	bool any_package; /* any package that contains the module, not only the best */
	/* built for other kernels, while there is one of that name for this kernel */
	int *other_builds;
	size_t n_other_builds;
	bool replaces; /* the last plan removes or replaces an installed package */
};

static void jobs_clear(struct planning *p)
{
	for (size_t i = 0; i < p->n_jobs; i++)
		free((int *)p->jobs[i].ids);
	p->n_jobs = 0;
}

static void planning_done(struct planning *p)
{
	jobs_clear(p);
	free(p->jobs);
	free(p->askers);
	free(p->other_builds);
	if (p->pool)
		mf_refusals_done(&p->refusals);
}

/* ---- jobs ---- */

/* Takes ownership of IDS. */
static int add_job(struct planning *p, const struct mf_want *asker, bool erase, int *ids, size_t n)
{
	size_t n_jobs = p->n_jobs + 1;

	if (mf_array_reserve(&p->jobs, &p->jobs_room, n_jobs, sizeof(*p->jobs)) < 0 ||
	    mf_array_reserve(&p->askers, &p->askers_room, n_jobs, sizeof(struct mf_want *)) < 0) {
		free(ids);
		return -ENOMEM;
	}
	p->askers[p->n_jobs] = asker;
	p->jobs[p->n_jobs++] = (struct mf_job){ erase, ids, n };
	return 0;
}

/* A missing module, and the want it is for. */
struct missing {
	const struct mf_want *want;
	const struct mf_match *match;
};

/* Adds one job for a module: the best of its allowed packages, or any. */
static int add_module_job(struct planning *p, const struct missing *missing)
{
	_cleanup_free_ char *why = NULL;
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = mf_judge_carriers(&p->judge, missing->want, missing->match, &ids, &n, &why);

	if (r < 0 || !n)
		return r;
	mf_choice_sort(p->catalog, &p->judge, missing->match->module, ids, n);
	return add_job(p, missing->want, false, MF_STEAL(ids), p->any_package ? n : 1);
}

static int resolve_by_module(const void *a, const void *b)
{
	const struct missing *x = a, *y = b;
	int r = strcmp(x->match->module, y->match->module);

	/* the first want decides for a module */
	return r ? r : (x->want > y->want) - (x->want < y->want);
}

/*
 * Adds a job for each missing module of the wants, in an order that does not depend on the queries.
 */
static int add_module_jobs(struct planning *p, const struct mf_want *wants, size_t n_wants)
{
	_cleanup_free_ struct missing *missing = NULL;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < n_wants; i++)
		n += wants[i].n_matches;
	missing = calloc(n + 1, sizeof(*missing));
	if (!missing)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < n_wants; i++)
		for (size_t j = 0; wants[i].state == MF_AVAILABLE && j < wants[i].n_matches; j++)
			if (mf_match_wanted(&wants[i].matches[j]))
				missing[n++] = (struct missing){ &wants[i], &wants[i].matches[j] };
	qsort(missing, n, sizeof(*missing), resolve_by_module);
	for (size_t i = 0; !r && i < n; i++)
		if (!i || strcmp(missing[i - 1].match->module, missing[i].match->module))
			r = add_module_job(p, &missing[i]);
	return r;
}

static int add_selection_jobs(struct planning *p, const struct mf_strings *names, bool erase)
{
	const char *moved = mf_catalog_moved(p->catalog);

	for (size_t i = 0; names && i < names->n; i++) {
		_cleanup_free_ int *ids = NULL;
		size_t n = 0;
		int r = mf_choice_find(p->pool, names->v[i],
				       erase ? MF_WHICH_INSTALLED : MF_WHICH_ANY, &ids, &n);

		if (r < 0)
			return mf_fail(p->ctx, MF_STAGE_RESOLVE, r, names->v[i], NULL);
		if (!n && erase)
			return mf_fail(p->ctx, MF_STAGE_RESOLVE, -MFE_NOT_FOUND, names->v[i],
				       "no such package is installed");
		if (!n)
			return mf_fail(p->ctx, MF_STAGE_RESOLVE, -MFE_NOT_FOUND, names->v[i],
				       "no configured repository has a package for it%s%s",
				       moved ? "; " : "", moved ? moved : "");
		if (!erase && mf_elsewhere_is_kernel(p->pool, ids, n))
			continue;
		r = add_job(p, NULL, erase, MF_STEAL(ids), n);
		if (r < 0)
			return mf_fail(p->ctx, MF_STAGE_RESOLVE, r, names->v[i], NULL);
	}
	return 0;
}

static int add_again_jobs(struct planning *p, const struct mf_strings *labels)
{
	for (size_t i = 0; labels && i < labels->n; i++) {
		_cleanup_free_ int *ids = NULL;
		size_t n = 0;
		int r = mf_choice_find_label(p->pool, labels->v[i], &ids, &n);

		if (!r && !n)
			return mf_fail(p->ctx, MF_STAGE_RESOLVE, -MFE_NOT_FOUND, labels->v[i],
				       "no configured repository has this very package");
		if (!r)
			r = add_job(p, NULL, false, MF_STEAL(ids), n);
		if (r < 0)
			return mf_fail(p->ctx, MF_STAGE_RESOLVE, r, labels->v[i], NULL);
	}
	return 0;
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
	} while (r > 0);
	if (r < 0)
		return mf_fail(p->ctx, MF_STAGE_RESOLVE, r, "plan", NULL);
	p->replaces = mf_solution_replaces(&solution);
	r = mf_held_check(p->ctx, p->judge.rules, p->selection, p->pool, &solution);
	if (!r)
		r = mf_plan_make(p->ctx, p->pool, &solution, ret_plan);
	if (!r)
		set_askers(p, &solution, ret_plan);
	return r;
}

static int collect_jobs(struct planning *p, const struct mf_want *wants, size_t n)
{
	int r;

	jobs_clear(p);
	r = add_module_jobs(p, wants, n);
	if (r < 0)
		return mf_fail(p->ctx, MF_STAGE_RESOLVE, r, "plan", NULL);
	if (p->selection)
		r = add_selection_jobs(p, p->selection->install, false);
	if (!r && p->selection)
		r = add_selection_jobs(p, p->selection->remove, true);
	if (!r && p->selection)
		r = add_again_jobs(p, p->selection->again);
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
	r = collect_jobs(p, wants, n);
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

	want->state = f->code == -MFE_DENIED ? MF_DENIED : MF_UNKNOWN;
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
	p->n_kernels = p->refusals.n;
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
	for (size_t i = p->n_kernels; i < p->refusals.n; i++) {
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
			   .refused = selection ? selection->refused : NULL },
		.selection = selection,
	};
	_cleanup_(planning_done) struct planning p = start;
	bool named = selection && (selection->install || selection->remove || selection->again);
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

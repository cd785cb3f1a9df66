/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of libsolv, second half: a plan for some jobs, with the reason of each step, or the
 * parts of the first problem.
 *
 * Nothing installed is ever removed to make room for a driver: uninstalling is allowed only where
 * the admin asked for a removal, and a package of another name that obsoletes an installed one,
 * which libsolv does not call uninstalling, is not taken either. Recommendations bring packages in
 * only with the package that recommends, never years later.
 */
#include "modfetch/solve.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "solv-private.h"

void mf_solution_done(struct mf_solution *solution)
{
	for (size_t i = 0; i < solution->n; i++)
		free(solution->steps[i].dep);
	free(solution->steps);
	for (size_t i = 0; i < solution->n_problems; i++)
		free(solution->problems[i].dep);
	free(solution->problems);
	*solution = (struct mf_solution){ 0 };
}

/* Of several dependencies of FROM on a package, a symbol is the most specific reason. */
static Id most_specific_dep(Pool *pool, Id from, Id package, Id dep)
{
	Id who, offset;
	Queue q;

	queue_init(&q);
	solvable_lookup_deparray(pool_id2solvable(pool, from), SOLVABLE_REQUIRES, &q, 0);
	for (int i = 0; i < q.count; i++) {
		if (!mf_dep_symbol(pool_id2str(pool, q.elements[i]), NULL))
			continue;
		FOR_PROVIDES(who, offset, q.elements[i])
		if (who == package)
			dep = q.elements[i];
	}
	queue_free(&q);
	return dep;
}

/* Who recommends a package, and by which dependency; solver_weakdepinfo() leaks its list of them.
 */
static void weak_reason(Solver *solver, Id package, Id *ret_from, Id *ret_dep)
{
	Queue q;

	queue_init(&q);
	solver_allweakdepinfos(solver, package, &q);
	/* a reason is four words: kind, from, to, dependency */
	if (q.count >= 4) {
		*ret_from = q.elements[1];
		*ret_dep = q.elements[3];
	}
	queue_free(&q);
}

/* Is DEP among what the package suggests? */
static bool is_suggested(Pool *pool, Id from, Id dep)
{
	bool found = false;
	Queue q;

	queue_init(&q);
	mf_solv_deps(pool, from, MF_SUGGESTS, &q);
	for (int i = 0; i < q.count && !found; i++)
		found = q.elements[i] == dep;
	queue_free(&q);
	return found;
}

static void explain(Pool *pool, Solver *solver, struct mf_step *step)
{
	Id info = 0, from = 0, to = 0, dep = 0;
	int reason = solver_describe_decision(solver, step->id, &info);
	SolverRuleinfo type;

	if (reason == SOLVER_REASON_WEAKDEP) {
		weak_reason(solver, step->id, &from, &dep);
		step->suggested = from && is_suggested(pool, from, dep);
		step->recommended = !step->suggested;
	} else {
		type = info ? solver_ruleinfo(solver, info, &from, &to, &dep) : SOLVER_RULE_UNKNOWN;
		if (type != SOLVER_RULE_PKG_REQUIRES)
			return;
	}
	step->needed_by = from;
	if (from && !step->recommended && !step->suggested)
		dep = most_specific_dep(pool, from, step->id, dep);
	if (dep)
		step->dep = strdup(pool_dep2str(pool, dep));
}

static int collect_steps(struct mf_pool *pool, Solver *solver, struct mf_solution *ret)
{
	Queue q;
	int r = 0;

	queue_init(&q);
	solver_get_decisionqueue(solver, &q);
	ret->steps = calloc((size_t)q.count + 1, sizeof(*ret->steps));
	if (!ret->steps)
		r = -ENOMEM;
	for (int i = 0; !r && i < q.count; i++) {
		Id id = q.elements[i] < 0 ? -q.elements[i] : q.elements[i];
		Solvable *s = pool_id2solvable(pool->pool, id);
		bool installed = s->repo == pool->installed, wanted = q.elements[i] > 0;

		if (id == SYSTEMSOLVABLE || installed == wanted)
			continue;
		ret->steps[ret->n] = (struct mf_step){ .id = id, .erase = !wanted };
		if (wanted)
			explain(pool->pool, solver, &ret->steps[ret->n]);
		ret->n++;
	}
	queue_free(&q);
	return r;
}

/* Whatever is none of these is about two packages that exclude each other. */
static enum mf_clash clash_of(SolverRuleinfo type)
{
	if (type == SOLVER_RULE_PKG_NOTHING_PROVIDES_DEP)
		return MF_CLASH_MISSING;
	if (type == SOLVER_RULE_PKG_NOT_INSTALLABLE)
		return MF_CLASH_REFUSED;
	return type == SOLVER_RULE_PKG_REQUIRES ? MF_CLASH_NEEDS : MF_CLASH_CONFLICT;
}

static int collect_problems(Pool *pool, Solver *solver, struct mf_solution *ret)
{
	Id problem = solver_next_problem(solver, 0), from, to, dep;
	Queue q;

	queue_init(&q);
	solver_findallproblemrules(solver, problem, &q);
	ret->problems = calloc((size_t)q.count + 1, sizeof(*ret->problems));
	for (int i = 0; ret->problems && i < q.count; i++) {
		SolverRuleinfo type = solver_ruleinfo(solver, q.elements[i], &from, &to, &dep);

		/* rules about packages alone; those of our own jobs say nothing new */
		if ((type & SOLVER_RULE_TYPEMASK) != SOLVER_RULE_PKG)
			continue;
		ret->problems[ret->n_problems++] =
			(struct mf_solver_problem){ clash_of(type), from, to,
						    dep ? strdup(pool_dep2str(pool, dep)) : NULL };
	}
	queue_free(&q);
	return ret->problems ? 0 : -ENOMEM;
}

void mf_pool_refuse(struct mf_pool *mp, int id, bool refused)
{
	Pool *pool = mp->pool;

	if (!pool->considered) {
		pool->considered = solv_calloc(1, sizeof(Map));
		map_init(pool->considered, pool->nsolvables);
		map_setall(pool->considered);
	}
	if (refused)
		MAPCLR(pool->considered, id);
	else
		MAPSET(pool->considered, id);
}

/* Every name that is installed stays: as it is, or as another version of itself. */
static void keep_installed(const struct mf_pool *pool, Queue *job)
{
	Solvable *s;
	Id id;

	FOR_REPO_SOLVABLES(pool->installed, id, s)
	if (id != pool->system)
		queue_push2(job, SOLVER_INSTALL | SOLVER_SOLVABLE_NAME, s->name);
}

bool mf_solution_replaces(const struct mf_solution *solution)
{
	for (size_t i = 0; i < solution->n; i++)
		if (solution->steps[i].erase)
			return true;
	return false;
}

void mf_pool_allow_versions(struct mf_pool *pool)
{
	pool->any_version = true;
}

int mf_pool_solve(struct mf_pool *pool, const struct mf_job *jobs, size_t n,
		  struct mf_solution *ret_solution)
{
	Pool *p = pool->pool;
	Solver *solver = solver_create(p);
	struct mf_solution found = { 0 };
	bool erase = false;
	Queue job, one_of;
	int r = 0;

	queue_init(&job);
	for (size_t i = 0; i < n; i++) {
		queue_init(&one_of);
		for (size_t j = 0; j < jobs[i].n; j++)
			if (jobs[i].erase)
				queue_push2(&job, SOLVER_ERASE | SOLVER_SOLVABLE, jobs[i].ids[j]);
			else
				queue_push(&one_of, jobs[i].ids[j]);
		if (one_of.count)
			queue_push2(&job, SOLVER_INSTALL | SOLVER_SOLVABLE_ONE_OF,
				    pool_queuetowhatprovides(p, &one_of));
		queue_free(&one_of);
		erase |= jobs[i].erase;
	}
	if (!erase)
		keep_installed(pool, &job);
	mf_solv_beside_jobs(pool, &job);
	if (pool->system)
		queue_push2(&job, SOLVER_LOCK | SOLVER_SOLVABLE, pool->system);
	solver_set_flag(solver, SOLVER_FLAG_ALLOW_UNINSTALL, erase);
	solver_set_flag(solver, SOLVER_FLAG_BEST_OBEY_POLICY, 1);
	solver_set_flag(solver, SOLVER_FLAG_ALLOW_DOWNGRADE, pool->any_version);
	solver_set_flag(solver, SOLVER_FLAG_ALLOW_VENDORCHANGE, pool->any_version);
	if (solver_solve(solver, &job)) {
		r = collect_problems(p, solver, &found);
	} else {
		found.solved = true;
		r = collect_steps(pool, solver, &found);
	}
	queue_free(&job);
	solver_free(solver);
	if (r < 0)
		mf_solution_done(&found);
	else
		*ret_solution = found;
	return r;
}

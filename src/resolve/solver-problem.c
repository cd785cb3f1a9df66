/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Picks the most informative part of a solver problem.
 *
 * A dependency without a provider says more than a refused package, that more than a conflict
 * between two packages, and an unmet dependency on a package says least: it only leads to one of
 * the others. The sentence uses what the user knows: a driver's package, a symbol, a checksum, a
 * kernel, a rule.
 */
#include "solver-problem.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"

/* ---- refusals ---- */

int mf_refusals_add(struct mf_refusals *refusals, int id, int code, char *why)
{
	void *v = reallocarray(refusals->v, refusals->n + 1, sizeof(*refusals->v));

	if (!v || !why) {
		if (v)
			refusals->v = v;
		free(why);
		return -ENOMEM;
	}
	refusals->v = v;
	refusals->v[refusals->n].id = id;
	refusals->v[refusals->n].code = code;
	refusals->v[refusals->n].why = why;
	refusals->n++;
	mf_pool_refuse(refusals->pool, id, true);
	return 0;
}

void mf_refusals_truncate(struct mf_refusals *refusals, size_t keep)
{
	while (refusals->n > keep) {
		refusals->n--;
		mf_pool_refuse(refusals->pool, refusals->v[refusals->n].id, false);
		free(refusals->v[refusals->n].why);
	}
}

void mf_refusals_done(struct mf_refusals *refusals)
{
	mf_refusals_truncate(refusals, 0);
	free(refusals->v);
	*refusals = (struct mf_refusals){ 0 };
}

/* ---- symbols ---- */

struct symbol_offer {
	const char *symbol;
	size_t len;
	char crc[64];
};

static int problem_on_offer(void *arg, const char *name, const char *evr)
{
	struct symbol_offer *offer = arg;
	size_t len;
	const char *symbol = mf_dep_symbol(name, &len);

	if (!evr || !symbol || len != offer->len || memcmp(symbol, offer->symbol, len))
		return 0;
	snprintf(offer->crc, sizeof(offer->crc), "%s", evr);
	return 1;
}

/* Finds the CRC that the kernel or an installed package has for a symbol; "": no such symbol. */
static void find_offer(struct mf_pool *pool, const char *dep, struct symbol_offer *offer)
{
	_cleanup_free_ char *name = strndup(dep, strcspn(dep, " "));
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;

	offer->symbol = mf_dep_symbol(dep, &offer->len);
	if (!name || mf_pool_providers(pool, name, NULL, &ids, &n) < 0)
		return;
	for (size_t i = 0; i < n && !*offer->crc; i++) {
		struct mf_package package;

		mf_pool_package(pool, ids[i], &package);
		if (package.origin < 0)
			mf_pool_deps(pool, ids[i], MF_PROVIDES, problem_on_offer, offer);
	}
}

static int fail_symbol(struct mf_context *ctx, struct mf_pool *pool, const char *package,
		       const char *dep)
{
	struct symbol_offer offer = { 0 };
	const char *crc = strstr(dep, " = ");

	find_offer(pool, dep, &offer);
	crc = crc ? crc + strlen(" = ") : "any";
	if (*offer.crc)
		return mf_fail(ctx, MF_STAGE_RESOLVE, -MFE_NO_SYMBOL, package,
			       "needs the symbol %.*s with CRC %s, but kernel %s has it with "
			       "CRC %s: it was built for another build of the kernel",
			       (int)offer.len, offer.symbol, crc, ctx->kernel, offer.crc);
	return mf_fail(ctx, MF_STAGE_RESOLVE, -MFE_NO_SYMBOL, package,
		       "needs the symbol %.*s with CRC %s, which kernel %s does not have",
		       (int)offer.len, offer.symbol, crc, ctx->kernel);
}

/* ---- the sentence ---- */

static const struct mf_solver_problem *best_problem(const struct mf_solution *solution)
{
	const struct mf_solver_problem *best = NULL;

	for (size_t i = 0; i < solution->n_problems; i++)
		if (!best || solution->problems[i].clash < best->clash)
			best = &solution->problems[i];
	return best;
}

/* Finds the package that needs something only a refused package provides. */
static const struct mf_solver_problem *find_needs(const struct mf_pool *pool,
						  const struct mf_solution *solution)
{
	for (size_t i = 0; i < solution->n_problems; i++)
		if (solution->problems[i].clash == MF_CLASH_NEEDS)
			return &solution->problems[i];
	return NULL;
}

/* Finds the installed package that needs something an update would remove. NULL: there is none. */
static const struct mf_solver_problem *find_installed_needs(struct mf_pool *pool,
							    const struct mf_solution *solution)
{
	for (size_t i = 0; i < solution->n_problems; i++) {
		const struct mf_solver_problem *o = &solution->problems[i];
		struct mf_package package;

		if (o->clash != MF_CLASH_NEEDS || !o->dep)
			continue;
		mf_pool_package(pool, o->from, &package);
		if (package.origin == MF_POOL_INSTALLED)
			return o;
	}
	return NULL;
}

static int fail_conflict(struct mf_context *ctx, struct mf_pool *pool,
			 const struct mf_solution *solution, const struct mf_solver_problem *o)
{
	const struct mf_solver_problem *needs = find_installed_needs(pool, solution);
	struct mf_package from, to, user;

	mf_pool_package(pool, o->from, &from);
	mf_pool_package(pool, o->to, &to);
	if (!strcmp(from.name, to.name) && needs) {
		mf_pool_package(pool, needs->from, &user);
		return mf_fail(ctx, MF_STAGE_RESOLVE, -MFE_UNSOLVABLE, to.name,
			       "cannot be updated, because %s, which is installed, needs %s of it",
			       user.name, needs->dep);
	}
	return mf_fail(ctx, MF_STAGE_RESOLVE, -MFE_UNSOLVABLE, from.name,
		       "cannot be installed together with %s-%s%s%s%s", to.name, to.evr,
		       o->dep ? " (" : "", o->dep ? o->dep : "", o->dep ? ")" : "");
}

static int fail_refused(struct mf_context *ctx, const struct mf_refusals *refusals,
			const struct mf_solution *solution, int id)
{
	const struct mf_solver_problem *needs = find_needs(refusals->pool, solution);
	struct mf_package refused, by = { .name = NULL };
	size_t i = 0;

	while (i < refusals->n && refusals->v[i].id != id)
		i++;
	mf_pool_package(refusals->pool, id, &refused);
	if (needs)
		mf_pool_package(refusals->pool, needs->from, &by);
	if (needs && needs->dep && mf_dep_symbol(needs->dep, NULL) &&
	    (i == refusals->n || refusals->v[i].code == -MFE_WRONG_KERNEL))
		return fail_symbol(ctx, refusals->pool, by.name, needs->dep);
	if (i == refusals->n)
		return mf_fail(ctx, MF_STAGE_RESOLVE, -MFE_UNSOLVABLE, refused.name,
			       "is for another kind of machine (%s)", refused.arch);
	if (!by.name)
		return mf_fail(ctx, MF_STAGE_RESOLVE, refusals->v[i].code, refused.name, "%s",
			       refusals->v[i].why);
	return mf_fail(ctx, MF_STAGE_RESOLVE, refusals->v[i].code, by.name, "needs %s, and %s",
		       refused.name, refusals->v[i].why);
}

int mf_solver_problem_fail(struct mf_context *ctx, const struct mf_refusals *refusals,
			   const struct mf_solution *solution)
{
	const struct mf_solver_problem *o = best_problem(solution);
	struct mf_package from;

	if (!o)
		return mf_fail(ctx, MF_STAGE_RESOLVE, -MFE_UNSOLVABLE, "plan",
			       "the requested packages contradict each other");
	mf_pool_package(refusals->pool, o->from, &from);
	switch (o->clash) {
	case MF_CLASH_MISSING:
		if (mf_dep_symbol(o->dep, NULL))
			return fail_symbol(ctx, refusals->pool, from.name, o->dep);
		if (mf_starts_with(o->dep, "kernel-uname-r = "))
			return mf_fail(ctx, MF_STAGE_RESOLVE, -MFE_WRONG_KERNEL, from.name,
				       "is for kernel %s, not for %s", strrchr(o->dep, ' ') + 1,
				       ctx->kernel);
		return mf_fail(ctx, MF_STAGE_RESOLVE, -MFE_UNSOLVABLE, from.name,
			       "needs %s, which nothing installed and no repository provides",
			       o->dep);
	case MF_CLASH_REFUSED:
		return fail_refused(ctx, refusals, solution, o->from);
	case MF_CLASH_CONFLICT:
	case MF_CLASH_NEEDS:
		break;
	}
	if (!o->to)
		return mf_fail(ctx, MF_STAGE_RESOLVE, -MFE_UNSOLVABLE, from.name,
			       "needs %s, which cannot be installed here",
			       o->dep ? o->dep : "more");
	return fail_conflict(ctx, refusals->pool, solution, o);
}

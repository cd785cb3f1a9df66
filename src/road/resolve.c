/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From wants to a plan.
 *
 * Every module that is wanted becomes one job, "one of the packages that carry it"; libsolv adds
 * what they need and what drivers recommend. If the whole does not hold together, each want is
 * tried by itself and the ones that fail are put aside with their reason: one driver of a machine's
 * hundred that cannot be had must not cost the others. A failure is said in words of drivers and
 * kernels.
 */
#include "modfetch/resolve.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"

struct planning {
	struct mf_context *ctx;
	struct mf_catalog *catalog;
	struct mf_pool *pool;
	struct mf_job *jobs;
	size_t n_jobs, room;
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
}

void mf_plan_done(struct mf_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		struct mf_plan_item *item = &plan->items[i];

		free(item->name);
		free(item->evr);
		free(item->arch);
		free(item->location);
		free(item->why);
	}
	free(plan->items);
	mf_strings_done(&plan->erase);
	*plan = (struct mf_plan){0};
}

/* ---- jobs ---- */

/* Takes IDS over. */
static int add_job(struct planning *p, bool erase, int *ids, size_t n)
{
	if (p->n_jobs == p->room) {
		size_t room = p->room ? p->room * 2 : 16;
		struct mf_job *jobs = reallocarray(p->jobs, room, sizeof(*jobs));

		if (!jobs) {
			free(ids);
			return -ENOMEM;
		}
		p->jobs = jobs;
		p->room = room;
	}
	p->jobs[p->n_jobs++] = (struct mf_job){erase, ids, n};
	return 0;
}

enum which { INSTALLED, AVAILABLE, ANY };

/* The packages of that name, or (but where only INSTALLED ones count) that provide it. */
static int named(struct planning *p, const char *name, enum which which, int **ret_ids,
		 size_t *ret_n)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0, kept = 0;
	int r = mf_pool_providers(p->pool, name, NULL, &ids, &n);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		struct mf_package package;

		mf_pool_package(p->pool, ids[i], &package);
		if (which == INSTALLED
			    ? package.origin == MF_POOL_INSTALLED && !strcmp(package.name, name)
			    : package.origin >= 0 ||
				      (which == ANY && package.origin == MF_POOL_INSTALLED))
			ids[kept++] = ids[i];
	}
	*ret_ids = MF_STEAL(ids);
	*ret_n = kept;
	return 0;
}

/* One job for a module: any of the packages that carry it will do. */
static int want_module(struct planning *p, const struct mf_match *match)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;

	for (size_t i = 0; i < match->packages.n; i++) {
		_cleanup_free_ int *more = NULL;
		size_t n_more = 0;
		int *both;
		int r = named(p, match->packages.v[i], match->broken ? AVAILABLE : ANY, &more, &n_more);

		if (r < 0)
			return r;
		both = reallocarray(ids, n + n_more + 1, sizeof(*ids));
		if (!both)
			return -ENOMEM;
		ids = both;
		for (size_t j = 0; j < n_more; j++)
			ids[n++] = more[j];
	}
	return n ? add_job(p, false, MF_STEAL(ids), n) : 0;
}

static int by_module(const void *a, const void *b)
{
	const struct mf_match *const *x = a, *const *y = b;

	return strcmp((*x)->module, (*y)->module);
}

/* A job for each module that some of the wants miss, in an order that queries do not change. */
static int want_modules(struct planning *p, const struct mf_want *wants, size_t n_wants)
{
	_cleanup_free_ const struct mf_match **missing = NULL;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < n_wants; i++)
		n += wants[i].n_matches;
	missing = calloc(n + 1, sizeof(struct mf_match *));
	if (!missing)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < n_wants; i++)
		for (size_t j = 0; wants[i].state == MF_AVAILABLE && j < wants[i].n_matches; j++)
			if (mf_match_wanted(&wants[i].matches[j]))
				missing[n++] = &wants[i].matches[j];
	if (n)
		qsort(missing, n, sizeof(struct mf_match *), by_module);
	for (size_t i = 0; !r && i < n; i++)
		if (!i || by_module(&missing[i - 1], &missing[i]))
			r = want_module(p, missing[i]);
	return r;
}

static int select_names(struct planning *p, const struct mf_strings *names, bool erase)
{
	for (size_t i = 0; names && i < names->n; i++) {
		_cleanup_free_ int *ids = NULL;
		size_t n = 0;
		int r = named(p, names->v[i], erase ? INSTALLED : ANY, &ids, &n);

		if (r < 0)
			return mf_fail(p->ctx, "resolve", r, names->v[i], NULL);
		if (!n)
			return mf_fail(p->ctx, "resolve", -MFE_NOT_FOUND, names->v[i], "%s",
				       erase ? "no such package is installed"
					     : "no configured repository has a package for it");
		r = add_job(p, erase, MF_STEAL(ids), n);
		if (r < 0)
			return mf_fail(p->ctx, "resolve", r, names->v[i], NULL);
	}
	return 0;
}

/* ---- why not ---- */

struct offer {
	const char *name;
	char evr[64];
};

static int see_offer(void *arg, const char *name, const char *evr)
{
	struct offer *offer = arg;
	size_t len = strlen(offer->name);

	if (!evr || strncmp(name, offer->name, len) || (name[len] && name[len] != ' '))
		return 0;
	snprintf(offer->evr, sizeof(offer->evr), "%s", evr);
	return 1;
}

/* "ksym(amd64:foo) = 1f2e": the symbol, the CRC wanted, and the one that is there. */
static int fail_symbol(struct planning *p, const char *package, const char *dep)
{
	_cleanup_free_ char *name = strndup(dep, strcspn(dep, " "));
	_cleanup_free_ int *ids = NULL;
	struct offer offer = {.name = name};
	const char *symbol = strchr(dep, ':'), *crc = strstr(dep, " = ");
	size_t n = 0;
	int len;

	symbol = symbol ? symbol + 1 : dep + strlen("ksym(");
	len = (int)strcspn(symbol, ")");
	if (name && mf_pool_providers(p->pool, name, NULL, &ids, &n) == 0)
		for (size_t i = 0; i < n && !*offer.evr; i++) {
			struct mf_package has;

			/* what this machine has, not what some package could bring */
			mf_pool_package(p->pool, ids[i], &has);
			if (has.origin < 0)
				mf_pool_deps(p->pool, ids[i], MF_PROVIDES, see_offer, &offer);
		}
	if (*offer.evr)
		return mf_fail(
			p->ctx, "resolve", -MFE_NO_SYMBOL, package,
			"needs the symbol %.*s with CRC %s, but kernel %s has it with CRC %s", len,
			symbol, crc ? crc + 3 : "?", p->ctx->kernel, offer.evr);
	return mf_fail(p->ctx, "resolve", -MFE_NO_SYMBOL, package,
		       "needs the symbol %.*s with CRC %s, which kernel %s does not have", len,
		       symbol, crc ? crc + 3 : "?", p->ctx->kernel);
}

static int fail_obstacle(struct planning *p, const struct mf_obstacle *obstacle)
{
	struct mf_package package = {.name = "plan"};

	if (obstacle->id)
		mf_pool_package(p->pool, obstacle->id, &package);
	if (obstacle->dep && mf_starts_with(obstacle->dep, "ksym("))
		return fail_symbol(p, package.name, obstacle->dep);
	if (obstacle->dep)
		return mf_fail(p->ctx, "resolve", -MFE_UNSOLVABLE, package.name,
			       "needs %s, which nothing installed and no repository provides",
			       obstacle->dep);
	return mf_fail(p->ctx, "resolve", -MFE_UNSOLVABLE, package.name, "%s",
		       obstacle->text ? obstacle->text : "the packages contradict each other");
}

/* ---- the plan ---- */

static char *why(struct planning *p, const struct mf_step *step)
{
	struct mf_package by;
	char *text;

	if (!step->needed_by)
		return strdup("asked for");
	mf_pool_package(p->pool, step->needed_by, &by);
	if (asprintf(&text, "%s by %s%s%s", step->recommended ? "recommended" : "needed", by.name,
		     step->dep ? " for " : "", step->dep ? step->dep : "") < 0)
		return NULL;
	return text;
}

static int add_item(struct planning *p, struct mf_plan *plan, const struct mf_step *step)
{
	struct mf_plan_item *item = &plan->items[plan->n];
	struct mf_package package;

	mf_pool_package(p->pool, step->id, &package);
	if (!package.location || !package.has_sha256)
		return mf_fail(p->ctx, "resolve", -MFE_BAD_METADATA, package.name,
			       "the metadata gives it no location or no SHA-256");
	plan->n++;
	*item = (struct mf_plan_item){
		.name = strdup(package.name),
		.evr = strdup(package.evr),
		.arch = strdup(package.arch),
		.location = strdup(package.location),
		.repo = (size_t)package.origin,
		.size = package.size,
		.install_size = package.install_size,
		.why = why(p, step),
		.asked = !step->needed_by,
	};
	memcpy(item->sha256, package.sha256, sizeof(item->sha256));
	plan->download += item->size;
	return item->name && item->evr && item->arch && item->location && item->why ? 0 : -ENOMEM;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct mf_plan_item *)a)->name,
		      ((const struct mf_plan_item *)b)->name);
}

/* What another version takes the place of goes with its coming: that is no removal. */
static int add_erasure(struct planning *p, struct mf_plan *plan, const struct mf_step *step)
{
	struct mf_package package;
	struct mf_plan_item key;

	mf_pool_package(p->pool, step->id, &package);
	key.name = (char *)package.name;
	if (plan->n && bsearch(&key, plan->items, plan->n, sizeof(key), by_name))
		return 0;
	return mf_strings_add(&plan->erase, package.name);
}

static int make_plan(struct planning *p, const struct mf_solution *solution, struct mf_plan *plan)
{
	int r = 0;

	plan->items = calloc(solution->n + 1, sizeof(*plan->items));
	if (!plan->items)
		return -ENOMEM;
	for (size_t i = 0; !r && i < solution->n; i++)
		if (!solution->steps[i].erase)
			r = add_item(p, plan, &solution->steps[i]);
	qsort(plan->items, plan->n, sizeof(*plan->items), by_name);
	for (size_t i = 0; !r && i < solution->n; i++)
		if (solution->steps[i].erase)
			r = add_erasure(p, plan, &solution->steps[i]);
	return r;
}

static int solve(struct planning *p, struct mf_plan *ret_plan)
{
	_cleanup_(mf_solution_done) struct mf_solution solution = {0};
	_cleanup_(mf_plan_done) struct mf_plan plan = {0};
	int r = mf_pool_solve(p->pool, p->jobs, p->n_jobs, &solution);

	if (r < 0)
		return mf_fail(p->ctx, "resolve", r, "plan", NULL);
	if (!solution.solved)
		return fail_obstacle(p, &solution.obstacle);
	r = make_plan(p, &solution, &plan);
	if (r < 0)
		return p->ctx->failure.code ? r : mf_fail(p->ctx, "resolve", r, "plan", NULL);
	*ret_plan = plan;
	plan = (struct mf_plan){0};
	return 0;
}

/* Tries each want alone; those that cannot be had are put aside. Returns how many remain. */
static int put_aside(struct planning *p, struct mf_wants *wants)
{
	int remain = 0;

	for (size_t i = 0; i < wants->n; i++) {
		_cleanup_(mf_plan_done) struct mf_plan plan = {0};
		struct mf_want *want = &wants->v[i];
		int r;

		if (want->state != MF_AVAILABLE)
			continue;
		jobs_clear(p);
		r = want_modules(p, want, 1);
		if (!r)
			r = solve(p, &plan);
		if (!r) {
			remain++;
			continue;
		}
		want->state = MF_UNKNOWN;
		mf_want_reason(want, "%s %s", p->ctx->failure.what, p->ctx->failure.why);
		mf_log(p->ctx, MF_LOG_WARNING, "resolve: %s: %s", want->query, want->reason);
	}
	return remain;
}

static int gather(struct planning *p, struct mf_wants *wants, const struct mf_selection *selection)
{
	int r;

	jobs_clear(p);
	r = want_modules(p, wants->v, wants->n);
	if (r < 0)
		return mf_fail(p->ctx, "resolve", r, "plan", NULL);
	if (selection)
		r = select_names(p, selection->install, false);
	if (!r && selection)
		r = select_names(p, selection->remove, true);
	return r;
}

int mf_resolve(struct mf_context *ctx, struct mf_catalog *catalog, struct mf_wants *wants,
	       const struct mf_selection *selection, struct mf_plan *ret_plan)
{
	_cleanup_(planning_done) struct planning p = {.ctx = ctx, .catalog = catalog};
	int r = mf_catalog_pool(ctx, catalog, &p.pool);

	if (!r)
		r = gather(&p, wants, selection);
	if (r < 0)
		return r;
	if (!p.n_jobs)
		return 1;
	r = solve(&p, ret_plan);
	if (r < 0 && wants->n > 1 && put_aside(&p, wants) > 0) {
		r = gather(&p, wants, selection);
		if (!r)
			r = solve(&p, ret_plan);
	}
	if (r < 0)
		return r;
	return ret_plan->n || ret_plan->erase.n ? 0 : 1;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes a plan, which outlives the pool, from the steps of a solution.
 *
 * A package without a location or without a SHA-256 cannot be fetched or verified, so a plan that
 * needs one is an error. The items are sorted by name: output, downloads and records have the same
 * order in each run.
 */
#include "modfetch/plan.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"

void mf_plan_done(struct mf_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		struct mf_plan_item *item = &plan->items[i];

		free(item->name);
		free(item->evr);
		free(item->arch);
		free(item->location);
		free(item->base);
		free(item->why);
		free(item->replaces);
		mf_strings_done(&item->modules);
	}
	free(plan->items);
	mf_strings_done(&plan->erase);
	mf_strings_done(&plan->removed);
	mf_strings_done(&plan->meant);
	*plan = (struct mf_plan){ 0 };
}

const char *mf_taken_from_name(enum mf_taken_from source)
{
	switch (source) {
	case MF_TAKEN_FROM_REPOSITORY:
		return "repository";
	case MF_TAKEN_FROM_STORE:
		return "store";
	case MF_TAKEN_FROM_PEER:
		return "peer";
	}
	return NULL;
}

static char *step_reason(struct mf_pool *pool, const struct mf_step *step)
{
	struct mf_package by;
	const char *symbol;
	size_t len = 0;

	if (!step->needed_by)
		return strdup("asked for");
	mf_pool_package(pool, step->needed_by, &by);
	symbol = step->dep ? mf_dep_symbol(step->dep, &len) : NULL;
	return mf_format("%s by %s%s%.*s",
			 step->suggested     ? "suggested"
			 : step->recommended ? "recommended"
					     : "needed",
			 by.name, symbol ? " for the symbol " : "", symbol ? (int)len : 0,
			 symbol ? symbol : "");
}

static int plan_on_provide(void *arg, const char *name, const char *evr)
{
	char module[MF_MODULE_NAME_SIZE];

	return mf_dep_module(name, module, sizeof(module)) ? mf_strings_add(arg, module) : 0;
}

static int add_item(struct mf_context *ctx, struct mf_pool *pool, struct mf_plan *plan,
		    const struct mf_solution *solution, size_t place)
{
	const struct mf_step *step = &solution->steps[place];
	struct mf_plan_item *item = &plan->items[plan->n];
	struct mf_package package;

	mf_pool_package(pool, step->id, &package);
	if (!package.location || !package.has_sha256)
		return mf_fail(ctx, MF_STAGE_RESOLVE, -MFE_BAD_METADATA, package.name,
			       "the metadata gives it no location or no SHA-256");
	/* they become lines of output, paths and arguments */
	if (!mf_is_word(package.name, strlen(package.name)) ||
	    !mf_is_word(package.evr, strlen(package.evr)) ||
	    !mf_is_word(package.arch, strlen(package.arch)))
		return mf_fail(ctx, MF_STAGE_RESOLVE, -MFE_BAD_METADATA, package.name,
			       "its name, version or architecture has bytes that none may have");
	plan->n++;
	*item = (struct mf_plan_item){
		.name = strdup(package.name),
		.evr = strdup(package.evr),
		.arch = strdup(package.arch),
		.location = strdup(package.location),
		.base = package.base ? strdup(package.base) : NULL,
		.repo = (size_t)package.origin,
		.size = package.size,
		.install_size = package.install_size,
		.why = step_reason(pool, step),
		.asked = !step->needed_by,
		.step = place,
	};
	memcpy(item->sha256, package.sha256, sizeof(item->sha256));
	plan->download += item->size;
	plan->install_size += item->install_size;
	if (mf_pool_deps(pool, step->id, MF_PROVIDES, plan_on_provide, &item->modules) < 0)
		return mf_fail(ctx, MF_STAGE_RESOLVE, -ENOMEM, "plan", NULL);
	mf_strings_sort(&item->modules);
	return item->name && item->evr && item->arch && item->location && item->why &&
			       (item->base || !package.base)
		       ? 0
		       : mf_fail(ctx, MF_STAGE_RESOLVE, -ENOMEM, "plan", NULL);
}

static int plan_by_name(const void *a, const void *b)
{
	return strcmp(((const struct mf_plan_item *)a)->name,
		      ((const struct mf_plan_item *)b)->name);
}

/* How many versions of a package are installed? */
static size_t count_versions(struct mf_pool *pool, const char *name)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0, found = 0;

	if (mf_pool_providers(pool, name, NULL, &ids, &n) < 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		struct mf_package p;

		mf_pool_package(pool, ids[i], &p);
		found += p.origin == MF_POOL_INSTALLED && !strcmp(p.name, name);
	}
	return found;
}

/* The item that takes the place of an installed package, or NULL. */
static struct mf_plan_item *replacement_of(const struct mf_plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->n; i++)
		if (!strcmp(plan->items[i].name, name))
			return &plan->items[i];
	return NULL;
}

/* A package that is replaced by another version of itself is updated, not removed. */
static int add_erased(struct mf_pool *pool, struct mf_plan *plan, int id)
{
	_cleanup_free_ char *label = NULL;
	struct mf_plan_item *item;
	struct mf_package package;

	mf_pool_package(pool, id, &package);
	label = mf_package_label(&package);
	item = replacement_of(plan, package.name);
	if (!label)
		return -ENOMEM;
	if (item) {
		free(item->replaces);
		item->replaces = MF_STEAL(label);
		return 0;
	}
	plan->removed_size += package.install_size;
	/* of several the label says which */
	if (mf_strings_add(&plan->erase,
			   count_versions(pool, package.name) > 1 ? label : package.name) < 0)
		return -ENOMEM;
	return mf_strings_add(&plan->removed, label);
}

/*
 * Versions that may stay beside each other have no step that erases the one for this kernel: the install
 * stage finds it.
 */
static int note_side_by_side(struct mf_pool *pool, struct mf_plan_item *item)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = item->replaces ? 0 : mf_pool_providers(pool, item->name, NULL, &ids, &n);

	for (size_t i = 0; !r && !item->replaces && i < n; i++) {
		struct mf_package p;

		mf_pool_package(pool, ids[i], &p);
		if (p.origin != MF_POOL_INSTALLED || strcmp(p.name, item->name) ||
		    mf_pool_is_of_other(pool, ids[i]))
			continue;
		item->replaces = mf_package_label(&p);
		if (!item->replaces)
			r = -ENOMEM;
	}
	return r;
}

static int add_steps(struct mf_context *ctx, struct mf_pool *pool,
		     const struct mf_solution *solution, struct mf_plan *plan)
{
	int r = 0;

	plan->items = calloc(solution->n + 1, sizeof(*plan->items));
	if (!plan->items)
		return -ENOMEM;
	for (size_t i = 0; !r && i < solution->n; i++)
		if (!solution->steps[i].erase)
			r = add_item(ctx, pool, plan, solution, i);
	for (size_t i = 0; !r && i < solution->n; i++)
		if (solution->steps[i].erase)
			r = add_erased(pool, plan, solution->steps[i].id);
	for (size_t i = 0; !r && i < plan->n; i++)
		r = note_side_by_side(pool, &plan->items[i]);
	qsort(plan->items, plan->n, sizeof(*plan->items), plan_by_name);
	return r;
}

char *mf_plan_item_label(const struct mf_plan_item *item)
{
	return mf_format("%s-%s.%s", item->name, item->evr, item->arch);
}

void mf_plan_mark_named(struct mf_plan *plan, const struct mf_strings *names)
{
	for (size_t i = 0; i < plan->n; i++)
		plan->items[i].named = mf_strings_has(names, plan->items[i].name);
}

void mf_plan_mark_again(struct mf_plan *plan, const struct mf_strings *labels)
{
	for (size_t i = 0; i < plan->n; i++) {
		struct mf_plan_item *item = &plan->items[i];
		_cleanup_free_ char *label = mf_plan_item_label(item);

		item->named |= label && mf_strings_has(labels, label);
	}
}

int mf_plan_make(struct mf_context *ctx, struct mf_pool *pool, const struct mf_solution *solution,
		 struct mf_plan *ret_plan)
{
	_cleanup_(mf_plan_done) struct mf_plan plan = { 0 };
	int r = add_steps(ctx, pool, solution, &plan);

	if (r < 0)
		return r;
	*ret_plan = plan;
	plan = (struct mf_plan){ 0 };
	return 0;
}

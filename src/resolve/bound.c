/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A module is bound to the packages that have the alias by which it was found.
 *
 * A device asks for an alias, the index answers with a module, and the module may be in several
 * packages: older and newer versions, and those of other repositories. Not all of them need to
 * serve the device: a newer version may have dropped it, and the kernel's own driver may not know it
 * yet. To install one of these would bring a driver that the device is not bound to.
 *
 * The repositories say it exactly where their packages differ (mf_catalog_carriers()); where they do
 * not, all packages of a repository have the alias or none. A repository whose metadata has no alias of
 * the module at all says nothing about devices, and its packages stay.
 */
#include "bound.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"

/* What one repository says of the alias and the module. */
struct bound_repo {
	bool has;		  /* a package of it has both */
	bool silent;		  /* it has the module and no alias of it at all */
	struct mf_strings labels; /* if its packages differ: those that have both */
};

struct binding {
	const char *module;
	struct bound_repo *repos;
	size_t n;
};

static void binding_done(struct binding *b)
{
	for (size_t i = 0; b->repos && i < b->n; i++)
		mf_strings_done(&b->repos[i].labels);
	free(b->repos);
}

static int bound_on_alias(void *arg, const char *pattern, const char *module, size_t repo)
{
	struct binding *b = arg;

	b->repos[repo].has |= !strcmp(module, b->module);
	return 0;
}

static int bound_on_any_alias(void *arg, const char *pattern, const char *module, size_t repo)
{
	struct binding *b = arg;

	if (!strcmp(module, b->module))
		b->repos[repo].silent = false;
	return 0;
}

static int bound_on_carrier(void *arg, const char *module, const char *label, size_t repo)
{
	struct binding *b = arg;

	return strcmp(module, b->module) ? 0 : mf_strings_add_unique(&b->repos[repo].labels, label);
}

/* 1, 0 or -ENOMEM. */
static int is_bound(const struct mf_judge *judge, const struct binding *b, int id)
{
	struct mf_package package;
	const struct bound_repo *repo;
	_cleanup_free_ char *label = NULL;

	mf_pool_package(judge->pool, id, &package);
	/* no repository has an id with '@': files of this machine are in no index */
	if (package.origin < 0 || *judge->repos->v[package.origin].id == '@')
		return 1;
	repo = &b->repos[package.origin];
	if (!repo->labels.n)
		return repo->has || repo->silent;
	label = mf_package_label(&package);
	return label ? mf_strings_has(&repo->labels, label) : -ENOMEM;
}

/* Finds out which repositories of the packages say nothing. 0 or -MFE_BAD_INDEX. */
static int find_silent(const struct mf_judge *judge, struct binding *b, const int *ids, size_t n)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		struct mf_package package;

		mf_pool_package(judge->pool, ids[i], &package);
		if (package.origin < 0 || b->repos[package.origin].has)
			continue;
		b->repos[package.origin].silent = any = true;
	}
	return any ? mf_catalog_walk(judge->catalog, bound_on_any_alias, b) : 0;
}

int resolve_keep_bound(const struct mf_judge *judge, const struct mf_want *want,
		       const struct mf_match *match, int *ids, size_t *n)
{
	_cleanup_(binding_done) struct binding b = { .module = match->module };
	size_t kept = 0;
	int r;

	/* of the ids of a device any alias will do that begins with them; symbols are no devices */
	if (!judge->catalog || !match->pattern || want->known || want->kind == MF_WANT_SYMBOL ||
	    !*n)
		return 0;
	b.n = judge->repos->n;
	b.repos = calloc(b.n + 1, sizeof(*b.repos));
	if (!b.repos)
		return -ENOMEM;
	r = mf_catalog_aliases(judge->catalog, want->name, bound_on_alias, &b);
	if (!r)
		r = mf_catalog_carriers(judge->catalog, want->name, bound_on_carrier, &b);
	if (!r)
		r = find_silent(judge, &b, ids, *n);
	for (size_t i = 0; r >= 0 && i < *n; i++) {
		r = is_bound(judge, &b, ids[i]);
		if (r > 0)
			ids[kept++] = ids[i];
	}
	if (r >= 0)
		*n = kept;
	return r < 0 ? r : 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a search for updates works with: the packages of the repositories and those that are installed,
 * and where the latter came from.
 *
 * The list of kept packages knows the repository of each one that modfetch installed. Of others it is the
 * repository that has this very version.
 */
#include "search.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"

void update_search_done(struct search *s)
{
	mf_kept_done(&s->kept);
	mf_taken_back_done(&s->taken);
	mf_asked_done(&s->asked);
	mf_wants_done(&s->devices);
	mf_rules_free(s->rules);
	free(s->other_builds);
	mf_catalog_free(s->catalog);
}

static void update_entry_done(struct mf_update *update)
{
	free(update->name);
	free(update->installed);
	free(update->evr);
	free(update->arch);
	free(update->label);
	free(update->repo);
	free(update->module);
	free(update->blocked);
}

void mf_updates_done(struct mf_updates *updates)
{
	for (size_t i = 0; i < updates->n; i++)
		update_entry_done(&updates->v[i]);
	free(updates->v);
	*updates = (struct mf_updates){ 0 };
}

static int repo_of_id(const struct search *s, const char *id)
{
	for (size_t i = 0; i < s->repos->n; i++)
		if (s->repos->v[i].enabled && !strcmp(s->repos->v[i].id, id))
			return (int)i;
	return -1;
}

static int update_origin_of(const struct search *s, const char *label)
{
	const struct mf_kept_package *kept = mf_kept_find(&s->kept, label);
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int origin = kept ? repo_of_id(s, kept->repo) : -1;

	if (origin >= 0 || mf_choice_find_label(s->pool, label, &ids, &n) < 0)
		return origin;
	for (size_t i = 0; i < n; i++) {
		struct mf_package p;

		mf_pool_package(s->pool, ids[i], &p);
		if (origin < 0 || p.origin < origin)
			origin = p.origin;
	}
	return origin;
}

static int on_module(void *arg, const char *name, const char *evr)
{
	char *module = arg;

	return mf_dep_module(name, module, MF_MODULE_NAME_SIZE) ? 1 : 0;
}

int update_look_at_driver(const struct search *s, int id, struct driver *ret_driver)
{
	struct driver driver = { .origin = -1 };

	if (mf_pool_is_of_other(s->pool, id))
		return 0;
	mf_pool_package(s->pool, id, &driver.package);
	driver.label = mf_package_label(&driver.package);
	if (!driver.label)
		return -ENOMEM;
	(void)mf_pool_deps(s->pool, id, MF_PROVIDES, on_module, driver.module);
	if (!*driver.module && !mf_kept_find(&s->kept, driver.label)) {
		free(driver.label);
		return 0;
	}
	driver.origin = update_origin_of(s, driver.label);
	*ret_driver = driver;
	return 1;
}

int update_append(struct search *s, struct mf_update *update)
{
	if (mf_array_reserve(&s->updates->v, &s->updates->room, s->updates->n + 1,
			     sizeof(*update)) < 0) {
		update_entry_done(update);
		return -ENOMEM;
	}
	s->updates->v[s->updates->n++] = *update;
	return 0;
}

int update_search_begin(struct search *s)
{
	int r = mf_catalog_open(s->ctx, &s->catalog);

	if (!r)
		r = mf_catalog_pool_whole(s->ctx, s->catalog, &s->pool);
	if (!r)
		r = mf_kept_read(s->ctx, &s->kept);
	if (!r)
		r = mf_taken_back_read(s->ctx, &s->taken);
	if (!r)
		r = mf_asked_read(s->ctx, &s->asked);
	if (!r)
		r = mf_rules_read(s->ctx, &s->rules);
	if (r < 0)
		return r;
	s->repos = mf_catalog_repos(s->catalog);
	r = mf_pool_other_builds(s->pool, &s->other_builds, &s->n_other_builds);
	return r < 0 ? mf_fail(s->ctx, MF_STAGE_RESOLVE, r, "updates", NULL) : 0;
}

int update_compare_names(const void *a, const void *b)
{
	return strcmp(((const struct mf_update *)a)->name, ((const struct mf_update *)b)->name);
}

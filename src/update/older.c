/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way back to an older version of a driver. It needs no history: the kept packages and the
 * repositories know the versions. A kept package comes first, because it needs no network; a version
 * that was taken back is none to go to.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/asked.h"
#include "modfetch/catalog.h"
#include "modfetch/cleanup.h"
#include "modfetch/taken-back.h"
#include "names.h"
#include "way.h"

struct older {
	struct mf_context *ctx;
	struct mf_catalog *catalog;
	struct mf_pool *pool;
	struct mf_local kept_files;
	struct mf_taken_back taken;
	struct mf_way_back *way;
};

static void older_done(struct older *o)
{
	mf_catalog_free(o->catalog);
	mf_local_done(&o->kept_files);
	mf_taken_back_done(&o->taken);
}

static int older_begin(struct older *o)
{
	int r = mf_taken_back_read(o->ctx, &o->taken);

	if (!r)
		r = mf_local_from_kept(o->ctx, NULL, &o->kept_files);
	if (!r)
		r = mf_catalog_open_local(o->ctx, &o->kept_files, 1, &o->catalog);
	return r < 0 ? r : mf_catalog_pool_whole(o->ctx, o->catalog, &o->pool);
}

static bool older_is_bad(const struct older *o, const struct mf_package *package)
{
	enum mf_asked_kind kind;
	_cleanup_free_ char *name = mf_asked_short_name(package->name, o->ctx->kernel, &kind);

	return !name || mf_taken_back_find(&o->taken, name, package->evr);
}

static bool is_kept(const struct older *o, const struct mf_package *package)
{
	return !strcmp(mf_catalog_repos(o->catalog)->v[package->origin].id, MF_LOCAL_KEPT);
}

/* The newest version before INSTALLED; a kept one if there is any. 0: none. */
static int newest_older(const struct older *o, int installed)
{
	const char *name = mf_pool_name(o->pool, installed);
	_cleanup_free_ int *ids = NULL;
	int best = 0;
	bool best_kept = false;
	size_t n = 0;

	if (mf_choice_find(o->pool, name, MF_WHICH_AVAILABLE, &ids, &n) < 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		struct mf_package p;
		bool kept;

		mf_pool_package(o->pool, ids[i], &p);
		kept = is_kept(o, &p);
		if (strcmp(p.name, name) || older_is_bad(o, &p) ||
		    mf_pool_compare(o->pool, ids[i], installed) >= 0 || (best_kept && !kept))
			continue;
		if (!best || (kept && !best_kept) || mf_pool_compare(o->pool, ids[i], best) > 0) {
			best = ids[i];
			best_kept = kept;
		}
	}
	return best;
}

static char *older_label(const struct older *o, int id)
{
	struct mf_package p;

	mf_pool_package(o->pool, id, &p);
	return mf_package_label(&p);
}

static int add_older(struct older *o, int installed)
{
	int older = newest_older(o, installed);
	_cleanup_free_ char *bad = older_label(o, installed),
			    *label = older ? older_label(o, older) : NULL;
	int r;

	if (!older)
		return mf_fail(o->ctx, MF_STAGE_RESOLVE, -MFE_NOT_FOUND, bad ? bad : "",
			       "neither the kept packages nor a repository have an older version");
	r = label && bad ? mf_strings_add(&o->way->labels, label) : -ENOMEM;
	if (!r)
		r = mf_strings_add(&o->way->bad, bad);
	return r < 0 ? mf_fail(o->ctx, MF_STAGE_RESOLVE, r, "rollback", NULL) : 0;
}

static int add_all_older(struct older *o, const struct mf_strings *names)
{
	_cleanup_(mf_strings_done) struct mf_strings found = { 0 };
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = mf_pool_list(o->pool, MF_POOL_INSTALLED, &ids, &n);

	for (size_t i = 0; r >= 0 && i < n; i++) {
		if (mf_pool_is_of_other(o->pool, ids[i]))
			continue;
		r = update_match_names(o->ctx, o->pool, ids[i], names, &found);
		if (r > 0)
			r = add_older(o, ids[i]);
	}
	for (size_t i = 0; r >= 0 && i < names->n; i++)
		if (!mf_strings_has(&found, names->v[i]))
			r = mf_fail(o->ctx, MF_STAGE_RESOLVE, -MFE_NOT_FOUND, names->v[i],
				    "no installed driver package has this name or module");
	return r < 0 ? r : 0;
}

int mf_way_back_to_older(struct mf_context *ctx, const struct mf_strings *names,
			 struct mf_way_back *ret_way)
{
	_cleanup_(mf_way_back_done) struct mf_way_back way = { .kernel = strdup(ctx->kernel) };
	_cleanup_(older_done) struct older o = { .ctx = ctx, .way = &way };
	int r = older_begin(&o);

	if (!r)
		r = add_all_older(&o, names);
	if (!r)
		r = update_complete_way(ctx, &way);
	if (r < 0)
		return r;
	*ret_way = way;
	way = (struct mf_way_back){ 0 };
	return 0;
}

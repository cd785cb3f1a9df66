/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everything known about a package, collected from the pool and from the alias indexes.
 *
 * The provider of a need is the one that a plan would choose: an installed one before one to be
 * installed, and of the latter the best by the one order of preference there is. A name means a
 * package before it means a module. Nothing is judged and nothing is planned: a package that cannot
 * be installed has needs without a provider, and that shows why.
 */
#include "modfetch/query.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "modfetch/resolve.h"
#include "modfetch/strings.h"

static void needs_done(struct mf_needs *needs)
{
	for (size_t i = 0; i < needs->n; i++)
		free(needs->v[i].text);
	free(needs->v);
}

void mf_about_done(struct mf_about *about)
{
	mf_strings_done(&about->modules);
	mf_strings_done(&about->aliases);
	mf_strings_done(&about->on_disk);
	needs_done(&about->requires);
	needs_done(&about->recommends);
	needs_done(&about->suggests);
	*about = (struct mf_about){ 0 };
}

/* ---- by name ---- */

/*
 * The packages that provide DEP and are called NAME (NULL: any name), without the system. New
 * memory.
 */
static int find_providers(struct mf_pool *pool, const char *dep, const char *name, int **ret_ids,
			  size_t *ret_n)
{
	size_t n = 0, kept = 0;
	int *ids = NULL, r = mf_pool_providers(pool, dep, NULL, &ids, &n);

	for (size_t i = 0; i < n; i++) {
		struct mf_package p;

		mf_pool_package(pool, ids[i], &p);
		if (p.origin != MF_POOL_SYSTEM && (!name || !strcmp(p.name, name)))
			ids[kept++] = ids[i];
	}
	*ret_ids = ids;
	*ret_n = kept;
	return r;
}

/*
 * The packages of a module. RHEL spells kmod() like the file name, with '-' or '_', so all three
 * spellings are tried.
 */
static int find_by_module(struct mf_pool *pool, const char *name, int **ret_ids, size_t *ret_n)
{
	static const char from[] = "_-", to[] = "-_";
	int r = 0;

	for (int turn = 0; !r && !*ret_n && turn < 3; turn++) {
		_cleanup_free_ char *dep = NULL;

		dep = mf_format("kmod(%s.ko)", name);
		if (!dep)
			return -ENOMEM;
		for (char *p = dep; turn && *p; p++)
			if (*p == from[turn - 1])
				*p = to[turn - 1];
		free(*ret_ids);
		*ret_ids = NULL;
		r = find_providers(pool, dep, NULL, ret_ids, ret_n);
	}
	return r;
}

static bool is_twin(const struct mf_package *installed, const struct mf_package *other)
{
	return other->origin >= 0 && !strcmp(installed->name, other->name) &&
	       !strcmp(installed->evr, other->evr) && !strcmp(installed->arch, other->arch);
}

/* Drops installed packages that a repository has in the same version. Returns the new number. */
static size_t drop_twins(struct mf_pool *pool, int *ids, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct mf_package p, q;
		bool twin = false;

		mf_pool_package(pool, ids[i], &p);
		for (size_t j = 0; p.origin == MF_POOL_INSTALLED && !twin && j < n; j++) {
			mf_pool_package(pool, ids[j], &q);
			twin = is_twin(&p, &q);
		}
		if (!twin)
			ids[kept++] = ids[i];
	}
	return kept;
}

int mf_about_find(struct mf_context *ctx, struct mf_catalog *catalog, const char *name,
		  int **ret_ids, size_t *ret_n)
{
	_cleanup_free_ int *ids = NULL;
	const char *moved = mf_catalog_moved(catalog);
	struct mf_pool *pool;
	size_t n = 0;
	int r = mf_catalog_pool_whole(ctx, catalog, &pool);

	if (r < 0)
		return r;
	r = find_providers(pool, name, name, &ids, &n);
	if (!r && !n)
		r = find_by_module(pool, name, &ids, &n);
	if (!r && !n) {
		free(ids);
		ids = NULL;
		/*
		 * other provides of packages for this kernel: "e1000e-kmp",
		 * "kernel-network-driver-all"
		 */
		r = find_providers(pool, name, NULL, &ids, &n);
	}
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_MATCH, r, name, NULL);
	if (!n)
		return mf_fail(ctx, MF_STAGE_MATCH, -MFE_NOT_FOUND, name,
			       "no package and no module has this name%s%s", moved ? "; " : "",
			       moved ? moved : "");
	mf_choice_sort(catalog, &(struct mf_judge){ .pool = pool }, NULL, ids, n);
	n = drop_twins(pool, ids, n);
	*ret_ids = MF_STEAL(ids);
	*ret_n = n;
	return 0;
}

/* ---- modules and aliases ---- */

static int about_on_provide(void *arg, const char *name, const char *evr)
{
	struct mf_about *about = arg;
	char module[256];

	if (!mf_dep_module(name, module, sizeof(module)))
		return 0;
	return mf_strings_add_unique(&about->modules, module);
}

static int about_on_alias(void *arg, const char *pattern, const char *module, size_t repo)
{
	struct mf_about *about = arg;

	if (about->package.origin >= 0 && (size_t)about->package.origin != repo)
		return 0;
	return mf_strings_has(&about->modules, module) ? mf_strings_add(&about->aliases, pattern)
						       : 0;
}

/* Two layers of the indexes may have the same alias. */
static void remove_duplicates(struct mf_strings *list)
{
	size_t kept = 0;

	mf_strings_sort(list);
	for (size_t i = 0; i < list->n; i++) {
		if (kept && !strcmp(list->v[kept - 1], list->v[i]))
			free(list->v[i]);
		else
			list->v[kept++] = list->v[i];
	}
	if (list->v)
		list->v[kept] = NULL;
	list->n = kept;
}

static int find_on_disk(struct mf_pool *pool, struct mf_about *about)
{
	int r = 0;

	for (size_t i = 0; !r && i < about->modules.n; i++) {
		_cleanup_free_ int *ids = NULL;
		_cleanup_free_ char *dep = NULL;
		size_t n = 0;

		dep = mf_format("kmod(%s.ko)", about->modules.v[i]);
		if (!dep)
			return -ENOMEM;
		r = mf_pool_providers(pool, dep, NULL, &ids, &n);
		for (size_t j = 0; !r && j < n; j++) {
			struct mf_package p;

			mf_pool_package(pool, ids[j], &p);
			if (p.origin == MF_POOL_SYSTEM)
				r = mf_strings_add_unique(&about->on_disk, about->modules.v[i]);
		}
	}
	return r;
}

static int about_find_installed(struct mf_pool *pool, struct mf_about *about)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = find_providers(pool, about->package.name, about->package.name, &ids, &n);

	for (size_t i = 0; i < n; i++) {
		struct mf_package p;

		mf_pool_package(pool, ids[i], &p);
		if (p.origin == MF_POOL_INSTALLED)
			about->installed_evr = p.evr;
	}
	return r;
}

/* ---- needs ---- */

struct collecting {
	struct mf_context *ctx;
	struct mf_catalog *catalog;
	struct mf_pool *pool;
	struct mf_needs *needs;
	size_t room;
};

static int best_provider(const struct collecting *g, const int *ids, size_t n)
{
	_cleanup_free_ int *copy = n ? malloc(n * sizeof(*copy)) : NULL;

	if (!copy)
		return 0;
	memcpy(copy, ids, n * sizeof(*copy));
	mf_choice_sort(g->catalog, &(struct mf_judge){ .pool = g->pool }, NULL, copy, n);
	return copy[0];
}

static int about_on_need(void *arg, const char *text, const int *ids, size_t n)
{
	struct collecting *g = arg;
	struct mf_needs *needs = g->needs;
	struct mf_need need = { .provider = best_provider(g, ids, n) };

	if (mf_starts_with(text, "rpmlib("))
		return 0;
	if (mf_array_reserve(&needs->v, &g->room, needs->n + 1, sizeof(*needs->v)) < 0)
		return -ENOMEM;
	if (need.provider) {
		struct mf_package p;

		mf_pool_package(g->pool, need.provider, &p);
		need.system = p.origin == MF_POOL_SYSTEM;
		need.present = p.origin < 0;
	}
	need.text = strdup(text);
	if (!need.text)
		return -ENOMEM;
	needs->v[needs->n++] = need;
	return 0;
}

static int compare_needs(const void *a, const void *b, void *arg)
{
	const struct mf_need *x = a, *y = b;
	struct mf_package p = { .name = "" }, q = { .name = "" };
	int r;

	if (x->provider)
		mf_pool_package(arg, x->provider, &p);
	if (y->provider)
		mf_pool_package(arg, y->provider, &q);
	r = strcmp(p.name, q.name);
	return r ? r : strcmp(x->text, y->text);
}

static int collect_needs(struct collecting *g, int id, enum mf_dep_kind kind,
			 struct mf_needs *ret_needs)
{
	int r;

	g->needs = ret_needs;
	g->room = 0;
	r = mf_pool_needs(g->pool, id, kind, about_on_need, g);
	if (ret_needs->n)
		qsort_r(ret_needs->v, ret_needs->n, sizeof(*ret_needs->v), compare_needs, g->pool);
	return r;
}

/*
 * A thorough plan counts suggested packages as recommended; here they are shown as suggested only.
 */
static void remove_suggested(struct mf_needs *recommends, const struct mf_needs *suggests)
{
	size_t kept = 0;

	for (size_t i = 0; i < recommends->n; i++) {
		bool promoted = false;

		for (size_t j = 0; !promoted && j < suggests->n; j++)
			promoted = !strcmp(recommends->v[i].text, suggests->v[j].text);
		if (promoted)
			free(recommends->v[i].text);
		else
			recommends->v[kept++] = recommends->v[i];
	}
	recommends->n = kept;
}

int mf_about(struct mf_context *ctx, struct mf_catalog *catalog, int id, struct mf_about *ret_about)
{
	_cleanup_(mf_about_done) struct mf_about about = { .id = id };
	struct collecting g = { .ctx = ctx, .catalog = catalog };
	int r = mf_catalog_pool_whole(ctx, catalog, &g.pool);

	if (r < 0)
		return r;
	mf_pool_package(g.pool, id, &about.package);
	mf_pool_text(g.pool, id, &about.text);
	r = mf_pool_deps(g.pool, id, MF_PROVIDES, about_on_provide, &about);
	if (!r && about.modules.n)
		r = mf_catalog_walk(catalog, about_on_alias, &about);
	if (!r)
		r = find_on_disk(g.pool, &about);
	if (!r)
		r = about_find_installed(g.pool, &about);
	if (!r)
		r = collect_needs(&g, id, MF_REQUIRES, &about.requires);
	if (!r)
		r = collect_needs(&g, id, MF_RECOMMENDS, &about.recommends);
	if (!r)
		r = collect_needs(&g, id, MF_SUGGESTS, &about.suggests);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_MATCH, r, about.package.name, NULL);
	if (ctx->settings.thorough)
		remove_suggested(&about.recommends, &about.suggests);
	remove_duplicates(&about.aliases);
	mf_strings_sort(&about.modules);
	*ret_about = about;
	about = (struct mf_about){ 0 };
	return 0;
}

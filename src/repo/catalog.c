/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All enabled repositories as one, seen by one kernel.
 *
 * A question about aliases or modules reads only the small indexes, mapped; the pool of packages is
 * loaded for a plan only. Of each cache three layers count for a kernel: its own tag, its flavor
 * (packages that fit any kernel of a flavor by symbol), and what names no kernel at all.
 */
#include "modfetch/catalog.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include "modfetch/cache-names.h"
#include "modfetch/cache.h"
#include "modfetch/cleanup.h"
#include "modfetch/local.h"
#include "modfetch/module-name.h"
#include "modfetch/release.h"
#include "modfetch/strings.h"
#include "modfetch/trie.h"
#include "filter.h"
#include "installed.h"
#include "newest-release.h"
#include "system.h"

enum { LAYER_KERNEL, LAYER_FLAVOR, LAYER_ANY, N_LAYERS };

/* What a pool is made of; the second can answer all that the first can. */
enum form {
	FORM_PLAN,    /* for plans */
	FORM_WHOLE,   /* every need of every package */
	FORM_REMOVAL, /* the same, with the installed packages of other kernels */
};

/* One repository's cache; tries are NULL where the repository has none of the kind. */
struct repo_cache {
	int dirfd;
	struct mf_trie *aliases[N_LAYERS], *carriers[N_LAYERS];
	struct mf_trie *names[2]; /* of this kernel, of no particular one */
	struct mf_trie *requests[2];
};

struct mf_catalog {
	struct mf_repos repos;
	struct repo_cache *caches; /* one a repository */
	struct mf_release release;
	char *tag;
	char *moved;  /* mf_catalog_moved() */
	bool has_own; /* a repository has packages for this very kernel */
	struct mf_pool *pool;
	enum form form; /* the pool's */
	/* package files of this machine; the last ones of the repositories */
	const struct mf_local *locals;
	size_t n_locals;
};
static void repo_cache_done(struct repo_cache *cache)
{
	for (size_t i = 0; i < N_LAYERS; i++) {
		mf_trie_free(cache->aliases[i]);
		mf_trie_free(cache->carriers[i]);
	}
	for (size_t i = 0; i < 2; i++) {
		mf_trie_free(cache->names[i]);
		mf_trie_free(cache->requests[i]);
	}
	if (cache->dirfd >= 0)
		close(cache->dirfd);
}

void mf_catalog_free(struct mf_catalog *catalog)
{
	if (!catalog)
		return;
	for (size_t i = 0; catalog->caches && i < catalog->repos.n; i++)
		repo_cache_done(&catalog->caches[i]);
	free(catalog->caches);
	free(catalog->tag);
	free(catalog->moved);
	mf_pool_free(catalog->pool);
	mf_repos_done(&catalog->repos);
	free(catalog);
}

const struct mf_repos *mf_catalog_repos(const struct mf_catalog *catalog)
{
	return &catalog->repos;
}

const char *mf_catalog_tag(const struct mf_catalog *catalog)
{
	return catalog->tag;
}

const char *mf_catalog_moved(const struct mf_catalog *catalog)
{
	return catalog->moved;
}

/* A repository that knows this flavor's kernels, but not this one: which is its newest? */
static void look_for_others(struct mf_catalog *catalog, size_t i)
{
	_cleanup_free_ char *own = mf_format(MF_CACHE_LIST, MF_CACHE_PACKAGES, catalog->tag);
	_cleanup_free_ char *newest = NULL;

	if (!own)
		return;
	if (!faccessat(catalog->caches[i].dirfd, own, F_OK, 0)) {
		catalog->has_own = true;
		return;
	}
	newest = catalog->moved ? NULL
				: repo_newest_release(catalog->caches[i].dirfd, &catalog->release);
	if (newest)
		catalog->moved =
			mf_format("repository %s has drivers for kernel %s, not for %s: boot that "
				  "kernel, or keep the old one's packages in the repository",
				  catalog->repos.v[i].id, newest, catalog->release.release);
}

/* No repository has packages for this kernel, nor any that may fit: which kernels have they? */
static void look_for_any(struct mf_catalog *catalog)
{
	_cleanup_free_ char *others = NULL;

	for (size_t i = 0; i < catalog->repos.n && !catalog->has_own && !catalog->moved; i++) {
		_cleanup_(mf_served_done) struct mf_served served = { 0 };
		_cleanup_free_ char *kernels = NULL, *before = MF_STEAL(others);

		if (catalog->caches[i].dirfd < 0)
			continue;
		if (mf_served_read(catalog->caches[i].dirfd, &served) < 0 ||
		    mf_served_may_fit(&served, catalog->release.release))
			return;
		kernels = mf_served_describe(&served);
		others = mf_format("%s%s%s: %s", before ? before : "", before ? "; " : "",
				   catalog->repos.v[i].id, kernels ? kernels : "");
	}
	if (others)
		catalog->moved = mf_format("no repository has drivers for kernel %s (%s): add one "
					   "that has them, or boot a kernel of these",
					   catalog->release.release, others);
}

static int open_index(const struct repo_cache *cache, const char *kind, const char *label,
		      struct mf_trie **ret_trie)
{
	_cleanup_free_ char *name = NULL;
	int r;

	name = mf_format(MF_CACHE_INDEX, kind, label);
	if (!name)
		return -ENOMEM;
	r = mf_trie_open_at(cache->dirfd, name, ret_trie);
	return r == -ENOENT ? 0 : r;
}

static int open_repo_cache(struct mf_context *ctx, struct mf_catalog *catalog, size_t i,
			   size_t *opened)
{
	const char *labels[N_LAYERS] = { catalog->tag, catalog->release.flavor, MF_CACHE_ANY };
	const char *name_labels[2] = { catalog->tag, MF_CACHE_OTHER };
	struct repo_cache *cache = &catalog->caches[i];
	const char *id = catalog->repos.v[i].id;
	int r = 0;

	cache->dirfd = catalog->repos.v[i].enabled ? mf_cache_open(ctx, id, NULL) : -1;
	if (cache->dirfd < 0) {
		if (catalog->repos.v[i].enabled && *id != '@' && !ctx->lists_repositories)
			mf_log(ctx, MF_LOG_WARNING,
			       "repository %s has no metadata yet; run: modfetch refresh", id);
		cache->dirfd = -1;
		return 0;
	}
	for (size_t j = 0; !r && j < N_LAYERS; j++) {
		r = open_index(cache, MF_CACHE_ALIASES, labels[j], &cache->aliases[j]);
		if (!r)
			r = open_index(cache, MF_CACHE_CARRIERS, labels[j], &cache->carriers[j]);
	}
	for (size_t j = 0; !r && j < 2; j++)
		r = open_index(cache, MF_CACHE_MODULES, name_labels[j], &cache->names[j]);
	for (size_t j = 0; !r && j < 2; j++)
		r = open_index(cache, MF_CACHE_REQUESTS, name_labels[j], &cache->requests[j]);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_MATCH, r == -EBADMSG ? -MFE_BAD_INDEX : r, id,
			       "its cache is damaged; run: modfetch refresh --force");
	look_for_others(catalog, i);
	(*opened)++;
	return 0;
}

static int open_all(struct mf_context *ctx, struct mf_catalog *catalog)
{
	size_t opened = 0;
	int r = mf_repos_read(ctx, &catalog->repos);

	if (!r)
		r = catalog->n_locals ? mf_locals_as_repos(ctx, catalog->locals, catalog->n_locals,
							   &catalog->repos)
				      : mf_repos_check_any(ctx, &catalog->repos);
	if (r < 0)
		return r;
	if (mf_release_parse(ctx->kernel, NULL, &catalog->release) < 0)
		return mf_fail(ctx, MF_STAGE_MATCH, -MFE_USAGE, ctx->kernel,
			       "not a kernel release");
	catalog->caches = calloc(catalog->repos.n, sizeof(*catalog->caches));
	catalog->tag = mf_format("%s-%s", catalog->release.flavor, catalog->release.abi);
	if (!catalog->caches || !catalog->tag)
		return mf_fail(ctx, MF_STAGE_MATCH, -ENOMEM, "catalog", NULL);
	for (size_t i = 0; i < catalog->repos.n; i++)
		catalog->caches[i].dirfd = -1;
	for (size_t i = 0; !r && i < catalog->repos.n; i++)
		r = open_repo_cache(ctx, catalog, i, &opened);
	if (!r && !opened && !catalog->n_locals)
		return mf_fail(ctx, MF_STAGE_MATCH, -MFE_NO_METADATA, "/var/cache/modfetch",
			       "no repository has been refreshed yet; run: modfetch refresh");
	if (!r)
		look_for_any(catalog);
	return r;
}

int mf_catalog_open(struct mf_context *ctx, struct mf_catalog **ret_catalog)
{
	return mf_catalog_open_local(ctx, NULL, 0, ret_catalog);
}

int mf_catalog_open_local(struct mf_context *ctx, const struct mf_local *locals, size_t n,
			  struct mf_catalog **ret_catalog)
{
	struct mf_catalog *catalog = calloc(1, sizeof(*catalog));
	int r;

	if (!catalog)
		return mf_fail(ctx, MF_STAGE_MATCH, -ENOMEM, "catalog", NULL);
	catalog->locals = locals;
	catalog->n_locals = n;
	r = open_all(ctx, catalog);
	if (r < 0)
		mf_catalog_free(catalog);
	else
		*ret_catalog = catalog;
	return r;
}

/* ---- asking the indexes ---- */

struct asking {
	mf_catalog_visit *visit;
	void *arg;
	size_t repo;
	const struct mf_catalog *catalog;
};

static int hand_on_package(void *arg, const char *key, const char *value, uint32_t priority)
{
	struct asking *a = arg;

	return repo_filter_excludes_name(&a->catalog->repos.v[a->repo], value)
		       ? 0
		       : a->visit(a->arg, key, value, a->repo);
}

static int hand_on_module(void *arg, const char *key, const char *value, uint32_t priority)
{
	struct asking *a = arg;

	return repo_filter_hides_module(&a->catalog->repos.v[a->repo],
					a->catalog->caches[a->repo].names, 2, value)
		       ? 0
		       : a->visit(a->arg, key, value, a->repo);
}

/* Asks one kind of index in all layers of all repositories. */
static int match_layers(const struct mf_catalog *catalog, bool carriers, const char *name,
			mf_trie_visit *on_value, struct asking *a)
{
	int r = 0;

	for (; !r && a->repo < catalog->repos.n; a->repo++)
		for (size_t j = 0; !r && j < N_LAYERS; j++) {
			const struct repo_cache *cache = &catalog->caches[a->repo];
			const struct mf_trie *trie =
				carriers ? cache->carriers[j] : cache->aliases[j];

			if (trie)
				r = mf_trie_match(trie, name, on_value, a);
		}
	return r == -EBADMSG ? -MFE_BAD_INDEX : r;
}

int mf_catalog_aliases(const struct mf_catalog *catalog, const char *name, mf_catalog_visit *visit,
		       void *arg)
{
	return match_layers(catalog, false, name, hand_on_module,
			    &(struct asking){ visit, arg, 0, catalog });
}

static int hand_on_carrier(void *arg, const char *key, const char *value, uint32_t priority)
{
	const struct asking *a = arg;
	const char *blank = strchr(value, ' ');
	char module[MF_MODULE_NAME_SIZE];

	if (!blank || (size_t)(blank - value) >= sizeof(module))
		return 0;
	snprintf(module, sizeof(module), "%.*s", (int)(blank - value), value);
	return a->visit(a->arg, module, blank + 1, a->repo);
}

int mf_catalog_carriers(const struct mf_catalog *catalog, const char *name, mf_catalog_visit *visit,
			void *arg)
{
	return match_layers(catalog, true, name, hand_on_carrier,
			    &(struct asking){ visit, arg, 0, catalog });
}

int mf_catalog_module(const struct mf_catalog *catalog, const char *module, mf_catalog_visit *visit,
		      void *arg)
{
	struct asking a = { visit, arg, 0, catalog };
	int r = 0;

	for (; !r && a.repo < catalog->repos.n; a.repo++)
		for (size_t j = 0; !r && j < 2; j++) {
			const struct mf_trie *trie = catalog->caches[a.repo].names[j];

			if (trie)
				r = mf_trie_find(trie, module, hand_on_package, &a);
		}
	return r == -EBADMSG ? -MFE_BAD_INDEX : r;
}

/* WITHOUT: leaves out the keys that have this byte; '\0': none. */
static int walk(struct mf_trie *const *tries, size_t n, char without, mf_trie_visit *visit,
		struct asking *a)
{
	int r = 0;

	for (size_t i = 0; !r && i < n; i++)
		if (tries[i])
			r = without ? mf_trie_walk_without(tries[i], without, visit, a)
				    : mf_trie_walk(tries[i], visit, a);
	return r == -EBADMSG ? -MFE_BAD_INDEX : r;
}

int mf_catalog_each_module(const struct mf_catalog *catalog, mf_catalog_visit *visit, void *arg)
{
	struct asking a = { visit, arg, 0, catalog };
	int r = 0;

	for (; !r && a.repo < catalog->repos.n; a.repo++)
		r = walk(catalog->caches[a.repo].names, 2, '\0', hand_on_package, &a);
	return r;
}

int mf_catalog_each_request(const struct mf_catalog *catalog, mf_catalog_visit *visit, void *arg)
{
	struct asking a = { visit, arg, 0, catalog };
	int r = 0;

	for (; !r && a.repo < catalog->repos.n; a.repo++)
		r = walk(catalog->caches[a.repo].requests, 2, '\0', hand_on_module, &a);
	return r;
}

static int walk_aliases(const struct mf_catalog *catalog, char without, mf_catalog_visit *visit,
			void *arg)
{
	struct asking a = { visit, arg, 0, catalog };
	int r = 0;

	for (; !r && a.repo < catalog->repos.n; a.repo++)
		r = walk(catalog->caches[a.repo].aliases, N_LAYERS, without, hand_on_module, &a);
	return r;
}

int mf_catalog_walk(const struct mf_catalog *catalog, mf_catalog_visit *visit, void *arg)
{
	return walk_aliases(catalog, '\0', visit, arg);
}

int mf_catalog_each_alias(const struct mf_catalog *catalog, mf_catalog_visit *visit, void *arg)
{
	return walk_aliases(catalog, ':', visit, arg);
}

/* ---- the pool ---- */

/* One list of a repository, if it has such a list. */
static int add_list(struct mf_context *ctx, struct mf_catalog *catalog, size_t i, enum form form,
		    const char *label)
{
	int priority = catalog->repos.v[i].priority, r;
	_cleanup_free_ char *file = NULL;
	_cleanup_close_ int fd = -1;

	file = mf_format(MF_CACHE_LIST, form == FORM_PLAN ? MF_CACHE_PLAN : MF_CACHE_PACKAGES,
			 label);
	if (!file)
		return mf_fail(ctx, MF_STAGE_RESOLVE, -ENOMEM, "catalog", NULL);
	r = fd = openat(catalog->caches[i].dirfd, file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd >= 0)
		r = form == FORM_PLAN ? mf_pool_add_plan(catalog->pool, fd, (int)i, priority)
				      : mf_pool_add_cache(catalog->pool, fd, (int)i, priority);
	return r < 0 ? mf_fail(ctx, MF_STAGE_RESOLVE, -MFE_BAD_INDEX, catalog->repos.v[i].id,
			       "its cache is damaged; run: modfetch refresh --force")
		     : 0;
}

static int add_repositories(struct mf_context *ctx, struct mf_catalog *catalog, enum form form)
{
	size_t sets = mf_locals_sets(catalog->locals, catalog->n_locals);
	int r = 0;

	for (size_t i = 0; !r && i < catalog->repos.n; i++) {
		if (catalog->caches[i].dirfd < 0)
			continue;
		r = add_list(ctx, catalog, i, form, catalog->tag);
		if (!r)
			r = add_list(ctx, catalog, i, form, MF_CACHE_OTHER);
		repo_filter_pool(&catalog->repos.v[i], catalog->pool, (int)i);
	}
	/* the form for planning has no place for them */
	return r || form == FORM_PLAN
		       ? r
		       : mf_locals_add_to_pool(ctx, catalog->locals, catalog->n_locals,
					       (int)(catalog->repos.n - sets), catalog->pool);
}

/* 1: the whole lists must be used. */
static int fill_pool(struct mf_context *ctx, struct mf_catalog *catalog, enum form form)
{
	struct utsname uts;
	int r;

	if (mf_pool_new(mf_context_machine(ctx, &uts), &catalog->pool) < 0)
		return mf_fail(ctx, MF_STAGE_RESOLVE, -ENOMEM, "pool", NULL);
	/* the fewest first: with each list libsolv looks at all that is there */
	r = mf_installed_add(ctx, catalog->pool,
			     form == FORM_PLAN ? MF_INSTALLED_PLAN : MF_INSTALLED_WHOLE);
	if (!r)
		r = add_repositories(ctx, catalog, form);
	if (!r)
		r = mf_system_add(ctx, &catalog->release, catalog->repos.n, form == FORM_REMOVAL,
				  catalog->pool);
	if (r)
		return r;
	if (!mf_pool_settle(catalog->pool))
		return 1;
	if (ctx->settings.thorough)
		mf_pool_promote_suggests(catalog->pool);
	mf_pool_ready(catalog->pool);
	return 0;
}

/* A pool of that form at least; the one there is, if it will do. */
static int have_pool(struct mf_context *ctx, struct mf_catalog *catalog, enum form form,
		     struct mf_pool **ret_pool)
{
	bool will_do = catalog->form == form || (form == FORM_PLAN && catalog->form == FORM_WHOLE);
	int r = catalog->pool && will_do ? 0 : 1;

	for (; r > 0; form = FORM_WHOLE) {
		mf_pool_free(MF_STEAL(catalog->pool));
		catalog->form = form;
		r = fill_pool(ctx, catalog, form);
	}
	if (r < 0) {
		mf_pool_free(MF_STEAL(catalog->pool));
		return r;
	}
	*ret_pool = catalog->pool;
	return 0;
}

int mf_catalog_pool(struct mf_context *ctx, struct mf_catalog *catalog, struct mf_pool **ret_pool)
{
	return have_pool(ctx, catalog, FORM_PLAN, ret_pool);
}

int mf_catalog_pool_whole(struct mf_context *ctx, struct mf_catalog *catalog,
			  struct mf_pool **ret_pool)
{
	return have_pool(ctx, catalog, FORM_WHOLE, ret_pool);
}

int mf_catalog_pool_removal(struct mf_context *ctx, struct mf_catalog *catalog,
			    struct mf_pool **ret_pool)
{
	return have_pool(ctx, catalog, FORM_REMOVAL, ret_pool);
}

bool mf_catalog_is_whole(const struct mf_catalog *catalog)
{
	return catalog->pool && catalog->form == FORM_WHOLE;
}

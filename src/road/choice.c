/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order of preference, as a table.
 *
 * The kernel's own driver is a package of the kernel's tag with the version of the kernel's image:
 * both were packed from one build. A foreign driver has its own version. Where a repository has no
 * image of the kernel nothing is the kernel's own, and the next line of the table decides.
 */
#include "modfetch/choice.h"
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/release.h"
#include "modfetch/strings.h"

struct candidate {
	int id;
	struct mf_package package;
	bool own; /* the kernel's */
};

struct choosing {
	struct mf_pool *pool;
	const struct mf_repos *repos;
};

typedef int order(const struct choosing *c, const struct candidate *a, const struct candidate *b);

/* What is installed is not fetched again. */
static int by_presence(const struct choosing *c, const struct candidate *a,
		       const struct candidate *b)
{
	return (b->package.origin < 0) - (a->package.origin < 0);
}

static int by_priority(const struct choosing *c, const struct candidate *a,
		       const struct candidate *b)
{
	if (a->package.origin < 0)
		return 0;
	return c->repos->v[a->package.origin].priority - c->repos->v[b->package.origin].priority;
}

static int by_ownership(const struct choosing *c, const struct candidate *a,
			const struct candidate *b)
{
	return b->own - a->own;
}

static int by_version(const struct choosing *c, const struct candidate *a,
		      const struct candidate *b)
{
	return mf_pool_compare(c->pool, b->id, a->id);
}

static int by_name(const struct choosing *c, const struct candidate *a, const struct candidate *b)
{
	return strcmp(a->package.name, b->package.name);
}

static int by_repository(const struct choosing *c, const struct candidate *a,
			 const struct candidate *b)
{
	return a->package.origin - b->package.origin;
}

static order *const table[] = { by_presence, by_priority, by_ownership,
				by_version,  by_name,	  by_repository };

static int compare(const void *a, const void *b, void *arg)
{
	int r = 0;

	for (size_t i = 0; !r && i < sizeof(table) / sizeof(*table); i++)
		r = table[i](arg, a, b);
	return r;
}

/* Is there an image of this kernel, of that version, in the package's repository? */
static bool is_own(struct mf_context *ctx, struct mf_pool *pool, const char *tag,
		   const struct mf_package *package)
{
	_cleanup_free_ char *image = NULL;
	_cleanup_free_ int *ids = NULL;
	struct mf_release release;
	size_t n = 0;

	if (!mf_ends_with(package->name, tag) || mf_release_parse(ctx->kernel, NULL, &release) < 0)
		return false;
	if (asprintf(&image, "kernel-%s-image-%s", release.flavor, release.abi) < 0) {
		image = NULL;
		return false;
	}
	if (mf_pool_providers(pool, image, NULL, &ids, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct mf_package p;

		mf_pool_package(pool, ids[i], &p);
		if (p.origin == package->origin && !strcmp(p.evr, package->evr))
			return true;
	}
	return false;
}

void mf_choice_sort(struct mf_context *ctx, struct mf_catalog *catalog, struct mf_pool *pool,
		    int *ids, size_t n)
{
	struct choosing choosing = { pool, mf_catalog_repos(catalog) };
	_cleanup_free_ struct candidate *v = n > 1 ? calloc(n, sizeof(*v)) : NULL;

	if (!v)
		return;
	for (size_t i = 0; i < n; i++) {
		v[i].id = ids[i];
		mf_pool_package(pool, ids[i], &v[i].package);
		v[i].own = is_own(ctx, pool, mf_catalog_tag(catalog), &v[i].package);
	}
	qsort_r(v, n, sizeof(*v), compare, &choosing);
	for (size_t i = 0; i < n; i++)
		ids[i] = v[i].id;
}

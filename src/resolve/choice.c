/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order of preference, as a table.
 *
 * A driver is the kernel's own or it is not. Its version does not decide that, since builders of
 * other drivers choose their version numbers freely. The kernel's own driver is a package of the
 * kernel's tag with the version of the kernel's image, both packed from one build, in the
 * repository of the kernel. That is the repository that has the image; of several, the one with
 * more of the kernel's own drivers. If no repository has an image, no driver is the kernel's own,
 * and the next line of the table decides.
 *
 * A rule of the administrator counts as much as prefer= of a repository if it names a repository
 * alone, and more if it names a package or a module. A driver that is held for another kernel of the
 * machine comes with the same version for this one too, if there is one.
 *
 * Of the other drivers, one that was built for this very kernel comes before those that only fit it:
 * their modules lie in another kernel's directory.
 *
 * libsolv, which chooses between providers of a dependency, is given the same order as priorities.
 */
#include "modfetch/resolve.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "held-versions.h"

struct candidate {
	int id;
	struct mf_package package;
	bool held;	/* its version is held for another kernel */
	int preferred;	/* 2: by a rule about it; 1: its repository; 0 */
	bool own;	/* the kernel's */
	bool built_for; /* it was built for this very kernel */
};

struct choice {
	struct mf_pool *pool;
	const struct mf_repos *repos;
	const char *tag; /* the kernel's, "amd64-6.1.0_56" */
	const struct mf_rules *rules;
	const char *module; /* the module to choose for, or NULL */
};

/* The image of the kernel in the repository of the kernel; id 0: there is none. */
struct kernel_image {
	int id;
	struct mf_package package;
};

typedef int criterion(const struct choice *c, const struct candidate *a, const struct candidate *b);

/* An installed package is not fetched again. */
static int by_presence(const struct choice *c, const struct candidate *a, const struct candidate *b)
{
	return (b->package.origin < 0) - (a->package.origin < 0);
}

/* Decided for another kernel, it holds for this one, too. */
static int by_hold(const struct choice *c, const struct candidate *a, const struct candidate *b)
{
	return b->held - a->held;
}

static int choice_by_priority(const struct choice *c, const struct candidate *a,
			      const struct candidate *b)
{
	if (a->package.origin < 0)
		return 0;
	return c->repos->v[a->package.origin].priority - c->repos->v[b->package.origin].priority;
}

static int by_preference(const struct choice *c, const struct candidate *a,
			 const struct candidate *b)
{
	return b->preferred - a->preferred;
}

static int by_ownership(const struct choice *c, const struct candidate *a,
			const struct candidate *b)
{
	return b->own - a->own;
}

static int choice_by_kernel(const struct choice *c, const struct candidate *a,
			    const struct candidate *b)
{
	return b->built_for - a->built_for;
}

static int by_version(const struct choice *c, const struct candidate *a, const struct candidate *b)
{
	return mf_pool_compare(c->pool, b->id, a->id);
}

static int choice_by_name(const struct choice *c, const struct candidate *a,
			  const struct candidate *b)
{
	return strcmp(a->package.name, b->package.name);
}

static int by_repository(const struct choice *c, const struct candidate *a,
			 const struct candidate *b)
{
	return a->package.origin - b->package.origin;
}

static criterion *const criteria[] = { by_presence,   by_hold,	      choice_by_priority,
				       by_preference, by_ownership,   choice_by_kernel,
				       by_version,    choice_by_name, by_repository };

static int choice_compare(const void *a, const void *b, void *arg)
{
	int r = 0;

	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(criteria); i++)
		r = criteria[i](arg, a, b);
	return r;
}

/* ---- the kernel's own drivers ---- */

static bool is_built_with(const struct mf_package *package, const struct mf_package *image,
			  const char *tag)
{
	return package->origin == image->origin && mf_ends_with(package->name, tag) &&
	       !strcmp(package->evr, image->evr);
}

/* Counts the packages of its repository that were built with this image. */
static size_t count_built_with(const struct choice *c, const struct mf_package *image)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0, found = 0;

	if (mf_pool_list(c->pool, image->origin, &ids, &n) < 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		struct mf_package p;

		mf_pool_package(c->pool, ids[i], &p);
		found += is_built_with(&p, image, c->tag);
	}
	return found;
}

/* Finds images of this kernel in the repositories. New memory, or NULL. */
static int *choice_find_images(const struct choice *c, size_t *ret_n)
{
	const char *dash = strrchr(c->tag, '-');
	_cleanup_free_ char *name = NULL;
	size_t n = 0, kept = 0;
	int *ids = NULL;

	if (dash)
		name = mf_format("kernel-%.*s-image%s", (int)(dash - c->tag), c->tag, dash);
	if (!name || mf_pool_providers(c->pool, name, NULL, &ids, &n) < 0)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		struct mf_package p;

		mf_pool_package(c->pool, ids[i], &p);
		if (p.origin >= 0 && !strcmp(p.name, name))
			ids[kept++] = ids[i];
	}
	*ret_n = kept;
	return ids;
}

static struct kernel_image choice_find_image(const struct choice *c)
{
	struct kernel_image kernel = { 0 };
	size_t n = 0, most = 0;
	_cleanup_free_ int *ids = choice_find_images(c, &n);

	for (size_t i = 0; ids && i < n; i++) {
		struct mf_package image;
		size_t count;

		mf_pool_package(c->pool, ids[i], &image);
		count = n > 1 ? count_built_with(c, &image) : 1;
		/* repositories are in the order of their priority */
		if (!kernel.id || count > most ||
		    (count == most && image.origin < kernel.package.origin)) {
			kernel = (struct kernel_image){ ids[i], image };
			most = count;
		}
	}
	return kernel;
}

/* ---- the rules ---- */

static int choice_on_provide(void *arg, const char *name, const char *evr)
{
	char module[MF_MODULE_NAME_SIZE];

	(void)evr;
	return mf_dep_module(name, module, sizeof(module)) ? mf_strings_add(arg, module) : 0;
}

/* Without memory a rule that names a module is not found. */
static int choice_preferred(const struct choice *c, const struct candidate *candidate)
{
	_cleanup_(mf_strings_done) struct mf_strings modules = { 0 };
	const struct mf_repo *repo;
	const struct mf_rule *rule;
	struct mf_facts facts = { .package = candidate->package.name };

	if (candidate->package.origin < 0)
		return 0;
	repo = &c->repos->v[candidate->package.origin];
	facts.repository = repo->id;
	if (!mf_rules_any(c->rules, MF_RULE_PREFER))
		return repo->prefer;
	(void)mf_pool_deps(c->pool, candidate->id, MF_PROVIDES, choice_on_provide, &modules);
	if (c->module)
		(void)mf_strings_add_unique(&modules, c->module);
	rule = mf_rules_find_package(c->rules, MF_RULE_PREFER, &facts, &modules);
	if (rule && !rule->of_repository)
		return 2;
	return rule || repo->prefer;
}

/* ---- candidates ---- */

static bool choice_is_of(struct mf_pool *pool, int id, const char *name, enum mf_which which)
{
	struct mf_package package;

	mf_pool_package(pool, id, &package);
	if (which == MF_WHICH_INSTALLED)
		return package.origin == MF_POOL_INSTALLED && !strcmp(package.name, name);
	return package.origin >= 0 ||
	       (which == MF_WHICH_ANY && package.origin == MF_POOL_INSTALLED);
}

/* Leaves out installed packages of other kernels. For a removal they count if there are no others. */
static size_t choice_keep_kernel(const struct mf_pool *pool, int *ids, size_t n,
				 enum mf_which which)
{
	size_t others = 0, kept = 0;

	for (size_t i = 0; i < n; i++)
		others += mf_pool_is_of_other(pool, ids[i]);
	if (which == MF_WHICH_INSTALLED && others == n)
		return n;
	for (size_t i = 0; i < n; i++)
		if (!mf_pool_is_of_other(pool, ids[i]))
			ids[kept++] = ids[i];
	return kept;
}

int mf_choice_find(struct mf_pool *pool, const char *name, enum mf_which which, int **ret_ids,
		   size_t *ret_n)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0, kept = 0;
	int r = mf_pool_providers(pool, name, NULL, &ids, &n);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if (choice_is_of(pool, ids[i], name, which))
			ids[kept++] = ids[i];
	*ret_n = choice_keep_kernel(pool, ids, kept, which);
	*ret_ids = MF_STEAL(ids);
	return 0;
}

int mf_choice_find_label(struct mf_pool *pool, const char *label, int **ret_ids, size_t *ret_n)
{
	_cleanup_free_ char *name = strndup(label, mf_label_name_length(label));
	_cleanup_free_ int *ids = NULL;
	size_t n = 0, kept = 0;
	int r = name ? 0 : -ENOMEM;

	if (!r)
		r = mf_choice_find(pool, name, MF_WHICH_AVAILABLE, &ids, &n);
	for (size_t i = 0; !r && i < n; i++) {
		_cleanup_free_ char *found = NULL;
		struct mf_package package;

		mf_pool_package(pool, ids[i], &package);
		found = mf_package_label(&package);
		if (!found)
			return -ENOMEM;
		if (!strcmp(found, label))
			ids[kept++] = ids[i];
	}
	if (r < 0)
		return r;
	*ret_ids = MF_STEAL(ids);
	*ret_n = kept;
	return 0;
}

/* ---- the order ---- */

/* The order for MODULE, or NULL. */
static struct choice choice_start(struct mf_catalog *catalog, const struct mf_judge *judge,
				  const char *module)
{
	return (struct choice){ .pool = judge->pool,
				.repos = mf_catalog_repos(catalog),
				.tag = mf_catalog_tag(catalog),
				.rules = judge->rules,
				.module = module };
}

void mf_choice_sort(struct mf_catalog *catalog, const struct mf_judge *judge, const char *module,
		    int *ids, size_t n)
{
	struct choice choice = choice_start(catalog, judge, module);
	_cleanup_free_ struct candidate *v = n > 1 ? calloc(n, sizeof(*v)) : NULL;
	_cleanup_(resolve_held_versions_done) struct resolve_held_versions held = { 0 };
	struct kernel_image kernel;

	if (!v)
		return;
	/* without memory the order is that of a driver that is not held */
	(void)resolve_held_versions_read(choice.rules, choice.pool, &held);
	kernel = choice_find_image(&choice);
	for (size_t i = 0; i < n; i++) {
		v[i].id = ids[i];
		mf_pool_package(choice.pool, ids[i], &v[i].package);
		v[i].built_for = mf_pool_is_built_for(choice.pool, ids[i]);
		v[i].preferred = choice_preferred(&choice, &v[i]);
		v[i].held = resolve_held_versions_has(&held, &v[i].package);
		v[i].own = kernel.id && is_built_with(&v[i].package, &kernel.package, choice.tag);
	}
	qsort_r(v, n, sizeof(*v), choice_compare, &choice);
	for (size_t i = 0; i < n; i++)
		ids[i] = v[i].id;
}

int mf_choice_kernel_repo(struct mf_catalog *catalog, struct mf_pool *pool)
{
	struct choice choice = choice_start(catalog, &(struct mf_judge){ .pool = pool }, NULL);
	struct kernel_image kernel = choice_find_image(&choice);

	return kernel.id ? kernel.package.origin : -1;
}

void mf_choice_rank(struct mf_catalog *catalog, const struct mf_judge *judge)
{
	struct choice choice = choice_start(catalog, judge, NULL);
	struct kernel_image kernel = choice_find_image(&choice);

	for (size_t i = 0; i < choice.repos->n; i++) {
		const struct mf_repo *repo = &choice.repos->v[i];
		const struct mf_facts facts = { .repository = repo->id };
		bool has_kernel = kernel.id && kernel.package.origin == (int)i;
		bool prefer = repo->prefer || mf_rules_find(choice.rules, MF_RULE_PREFER, &facts);

		mf_pool_set_priority(choice.pool, (int)i,
				     repo->priority * 4 - prefer * 2 - has_kernel);
	}
}

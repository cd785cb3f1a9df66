/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which installed packages a name means.
 *
 * The forms are tried in the order of enum mf_meaning, and the first one that means a package decides:
 * a package called "xfs" comes before the package that has the module xfs. A full name and a version
 * mean a package of any kernel; the shorter forms do not name a kernel, so they mean packages of the
 * kernel of the run only.
 *
 * No name is a pattern here, and no provide counts but those of modules: what a package claims to be must
 * not get another one removed. The package of a kernel has thousands of modules, and is never meant by
 * one of them.
 */
#include "named.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "version.h"

/* The architecture has no dash; version and release have none either. */
static bool is_version_of(const struct mf_package *package, const char *name)
{
	size_t len = strlen(package->name);
	const char *colon = strchr(package->evr, ':'), *release = strrchr(package->evr, '-');
	const char *version = colon ? colon + 1 : package->evr;
	const char *given;

	if (!mf_starts_with(name, package->name) || name[len] != '-')
		return false;
	given = name + len + 1;
	for (int with_epoch = 0; with_epoch < 2; with_epoch++) {
		const char *evr = with_epoch ? package->evr : version;
		_cleanup_free_ char *label = mf_format("%s.%s", evr, package->arch);

		if (!strcmp(given, evr) || (label && !strcmp(given, label)) ||
		    (release && strlen(given) == (size_t)(release - evr) &&
		     !strncmp(given, evr, strlen(given))))
			return true;
	}
	return false;
}

struct named_module {
	char name[MF_MODULE_NAME_SIZE];
	bool found, of_kernel;
};

static int named_on_provide(void *arg, const char *provide, const char *evr)
{
	struct named_module *m = arg;
	char module[MF_MODULE_NAME_SIZE];

	(void)evr;
	m->of_kernel |= mf_dep_is_uname_r(provide);
	m->found |= mf_dep_module(provide, module, sizeof(module)) && !strcmp(module, m->name);
	return 0;
}

/* "e1000e", "e1000e.ko" and a path of that file; a package's version may have dots: "igb-kmp-1.2". */
static bool is_module_form(const char *name)
{
	return mf_is_module(name) || !strpbrk(name, "./");
}

int mf_package_meant(struct mf_pool *pool, int id, const char *kernel, const char *name,
		     enum mf_meaning *ret_meaning)
{
	struct named_module module = { .found = false };
	struct mf_package package;
	int r = 0;

	mf_pool_package(pool, id, &package);
	if (!strcmp(package.name, name)) {
		*ret_meaning = MF_MEANS_NAME;
		return 0;
	}
	if (is_version_of(&package, name)) {
		*ret_meaning = MF_MEANS_VERSION;
		return 0;
	}
	if (!strpbrk(name, "*?[\\") && mf_rules_names_package(name, package.name, kernel)) {
		*ret_meaning = MF_MEANS_SHORT;
		return 0;
	}
	if (is_module_form(name) && mf_module_name(name, module.name, sizeof(module.name)))
		r = mf_pool_deps(pool, id, MF_PROVIDES, named_on_provide, &module);
	if (r < 0)
		return r;
	*ret_meaning = module.found && !module.of_kernel ? MF_MEANS_MODULE : MF_MEANS_NOTHING;
	return 0;
}

static int named_find_any_form(const struct mf_context *ctx, struct mf_pool *pool, const char *name,
			       int **ret_ids, size_t *ret_n)
{
	enum mf_meaning best = MF_MEANS_NOTHING;
	_cleanup_free_ int *ids = NULL;
	size_t n = 0, kept = 0;
	int r = mf_pool_list(pool, MF_POOL_INSTALLED, &ids, &n);

	for (size_t i = 0; !r && i < n; i++) {
		enum mf_meaning meaning = MF_MEANS_NOTHING;

		r = mf_package_meant(pool, ids[i], ctx->kernel, name, &meaning);
		if (meaning == MF_MEANS_NOTHING || meaning > best ||
		    (meaning >= MF_MEANS_SHORT && mf_pool_is_of_other(pool, ids[i])))
			continue;
		kept = meaning < best ? 0 : kept;
		best = meaning;
		ids[kept++] = ids[i];
	}
	if (r < 0)
		return r;
	*ret_ids = MF_STEAL(ids);
	*ret_n = kept;
	return 0;
}

int resolve_find_named(const struct mf_context *ctx, struct mf_pool *pool,
		       const struct mf_selection *selection, const char *name, int **ret_ids,
		       size_t *ret_n)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = mf_choice_find(pool, name, MF_WHICH_INSTALLED, &ids, &n);

	if (r < 0)
		return r;
	if (!n && selection->any_form)
		return named_find_any_form(ctx, pool, name, ret_ids, ret_n);
	*ret_ids = MF_STEAL(ids);
	*ret_n = n;
	return 0;
}

int resolve_find_short(const struct mf_context *ctx, struct mf_pool *pool, size_t n_repos,
		       const char *name, int **ret_ids, size_t *ret_n)
{
	_cleanup_free_ int *found = NULL;
	size_t n_found = 0, room = 0;
	int r = 0;

	for (size_t origin = 0; !r && origin < n_repos; origin++) {
		_cleanup_free_ int *ids = NULL;
		size_t n = 0;

		r = mf_pool_list(pool, (int)origin, &ids, &n);
		for (size_t i = 0; !r && i < n; i++) {
			enum mf_meaning meaning = MF_MEANS_NOTHING;

			r = mf_package_meant(pool, ids[i], ctx->kernel, name, &meaning);
			if (r < 0 || meaning != MF_MEANS_SHORT)
				continue;
			r = mf_array_reserve(&found, &room, n_found + 1, sizeof(*found));
			if (!r)
				found[n_found++] = ids[i];
		}
	}
	if (r < 0)
		return r;
	*ret_ids = MF_STEAL(found);
	*ret_n = n_found;
	return 0;
}

/* The providers of the module that NAME is, "e1000e" or "e1000e.ko". RET_N 0: none. */
static void find_module(struct mf_pool *pool, const char *name, int **ret_ids, size_t *ret_n)
{
	char module[MF_MODULE_NAME_SIZE];
	_cleanup_free_ char *dep = NULL;

	if (!is_module_form(name) || !mf_module_name(name, module, sizeof(module)))
		return;
	dep = mf_format("kmod(%s.ko)", module);
	/* without memory the more general sentence is used */
	if (dep)
		(void)mf_pool_providers(pool, dep, NULL, ret_ids, ret_n);
}

bool resolve_is_unowned_module(struct mf_pool *pool, const char *name)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;

	find_module(pool, name, &ids, &n);
	for (size_t i = 0; i < n; i++) {
		struct mf_package package;

		mf_pool_package(pool, ids[i], &package);
		if (package.origin == MF_POOL_SYSTEM)
			return true;
	}
	return false;
}

/* Are all of the packages in repositories, and none installed? RET_ANY: is there one at all? */
static bool all_available(struct mf_pool *pool, const int *ids, size_t n, bool *ret_any)
{
	for (size_t i = 0; i < n; i++) {
		struct mf_package package;

		mf_pool_package(pool, ids[i], &package);
		if (package.origin < 0)
			return false;
		*ret_any = true;
	}
	return true;
}

bool resolve_is_only_available(struct mf_pool *pool, const char *name)
{
	_cleanup_free_ int *ids = NULL, *versions = NULL, *modules = NULL;
	size_t n = 0, n_versions = 0, n_modules = 0;
	bool any = false;

	find_module(pool, name, &modules, &n_modules);
	if (mf_choice_find(pool, name, MF_WHICH_ANY, &ids, &n) < 0 ||
	    mf_version_find_text(pool, name, &versions, &n_versions) < 0)
		return false;
	return all_available(pool, modules, n_modules, &any) && all_available(pool, ids, n, &any) &&
	       all_available(pool, versions, n_versions, &any) && any;
}

int mf_package_is_called(struct mf_pool *pool, const char *name)
{
	_cleanup_free_ int *ids = NULL, *versions = NULL;
	size_t n = 0;
	int r = mf_choice_find(pool, name, MF_WHICH_ANY, &ids, &n);

	for (size_t i = 0; !r && i < n; i++)
		if (!strcmp(mf_pool_name(pool, ids[i]), name))
			return 1;
	n = 0;
	if (!r)
		r = mf_version_find_text(pool, name, &versions, &n);
	return r < 0 ? r : n > 0;
}

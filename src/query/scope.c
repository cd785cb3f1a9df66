/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The packages that a plan can depend on, as the smallest set that is closed: under needing,
 * recommending and excluding, under having the same name (an update is another choice), and, for
 * installed packages, under being needed by an installed package (an update must not break it) and
 * under having a module of a package (a rule may hold it).
 *
 * A solver that sees only these decides as it does for all: every clause it could derive is about
 * packages of the set. The set has dozens of packages if the repository has thousands.
 */
#include "scope.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"

static const enum mf_dep_kind kinds[] = { MF_REQUIRES, MF_RECOMMENDS, MF_CONFLICTS, MF_OBSOLETES };

struct finding {
	struct mf_pool *pool;
	struct mf_scope *scope;
	size_t followed; /* packages of the scope whose needs were followed */
	bool depends;
};

void mf_scope_done(struct mf_scope *scope)
{
	free(scope->ids);
	free(scope->has);
	mf_strings_done(&scope->needs);
	*scope = (struct mf_scope){ 0 };
}

static int scope_add(struct finding *f, int id)
{
	struct mf_scope *s = f->scope;
	struct mf_package p;

	mf_pool_package(f->pool, id, &p);
	if (p.origin == MF_POOL_SYSTEM)
		return 0;
	if (!s->has || (size_t)id >= s->n_has) {
		size_t n = (size_t)id * 2 + 64;
		bool *has = reallocarray(s->has, n, sizeof(*has));

		if (!has)
			return -ENOMEM;
		memset(has + s->n_has, 0, n - s->n_has);
		s->has = has;
		s->n_has = n;
	}
	if (s->has[id])
		return 0;
	if (mf_array_reserve(&s->ids, &s->room, s->n + 1, sizeof(*s->ids)) < 0)
		return -ENOMEM;
	s->has[id] = true;
	s->ids[s->n++] = id;
	return 0;
}

/* Adds the packages that provide DEP; SAME: only those of that name. */
static int add_providers(struct finding *f, const char *dep, bool same)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = mf_pool_providers(f->pool, dep, NULL, &ids, &n);

	for (size_t i = 0; !r && i < n; i++) {
		struct mf_package p;

		mf_pool_package(f->pool, ids[i], &p);
		if (!same || !strcmp(p.name, dep))
			r = scope_add(f, ids[i]);
	}
	return r;
}

static int scope_add_module(struct finding *f, const char *module)
{
	int r = 0;

	/* RHEL spells kmod() like the file name */
	for (int dashes = 0; !r && dashes < 2; dashes++) {
		_cleanup_free_ char *dep = NULL;

		dep = mf_format("kmod(%s.ko)", module);
		if (!dep)
			return -ENOMEM;
		for (char *p = dep; dashes && *p; p++)
			if (*p == '_')
				*p = '-';
		r = add_providers(f, dep, false);
	}
	return r;
}

static int scope_on_need(void *arg, const char *need, const int *ids, size_t n)
{
	struct finding *f = arg;
	int r = mf_strings_addn(&f->scope->needs, need, strcspn(need, " "));

	for (size_t i = 0; !r && i < n; i++)
		r = scope_add(f, ids[i]);
	return r;
}

/* Adds the installed packages that provide the same module. */
static int scope_on_provide(void *arg, const char *name, const char *evr)
{
	struct finding *f = arg;
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r;

	(void)evr;
	if (!mf_starts_with(name, "kmod("))
		return 0;
	r = mf_pool_providers(f->pool, name, NULL, &ids, &n);
	for (size_t i = 0; !r && i < n; i++) {
		struct mf_package p;

		mf_pool_package(f->pool, ids[i], &p);
		if (p.origin == MF_POOL_INSTALLED)
			r = scope_add(f, ids[i]);
	}
	return r;
}

static int scope_follow(struct finding *f, int id)
{
	struct mf_package p;
	int r;

	mf_pool_package(f->pool, id, &p);
	r = add_providers(f, p.name, true);
	if (!r)
		r = mf_pool_deps(f->pool, id, MF_PROVIDES, scope_on_provide, f);
	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(kinds); i++)
		r = mf_pool_needs(f->pool, id, kinds[i], scope_on_need, f);
	return r;
}

static int on_dependency(void *arg, const char *need, const int *ids, size_t n)
{
	struct finding *f = arg;

	for (size_t i = 0; !f->depends && i < n; i++)
		f->depends = (size_t)ids[i] < f->scope->n_has && f->scope->has[ids[i]];
	return f->depends;
}

/* Adds the installed packages that need, or exclude, a package of the set. */
static int add_dependents(struct finding *f)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = mf_pool_list(f->pool, MF_POOL_INSTALLED, &ids, &n);

	for (size_t i = 0; r >= 0 && i < n; i++) {
		f->depends = false;
		for (size_t k = 0; r >= 0 && !f->depends && k < MF_ARRAY_SIZE(kinds); k++)
			if (kinds[k] != MF_RECOMMENDS)
				r = mf_pool_needs(f->pool, ids[i], kinds[k], on_dependency, f);
		if (r >= 0 && f->depends)
			r = scope_add(f, ids[i]);
	}
	return r < 0 ? r : 0;
}

static int add_start(struct finding *f, const struct mf_run *run, const char *image)
{
	int r = add_providers(f, image, true);

	for (size_t i = 0; !r && i < run->wants.n; i++) {
		const struct mf_want *want = &run->wants.v[i];

		for (size_t j = 0; !r && j < want->n_matches; j++) {
			const struct mf_match *m = &want->matches[j];

			r = scope_add_module(f, m->module);
			for (size_t k = 0; !r && k < m->packages.n; k++)
				r = add_providers(f, m->packages.v[k], true);
		}
	}
	for (size_t i = 0; !r && i < run->plan.n; i++)
		r = add_providers(f, run->plan.items[i].name, true);
	return r;
}

int mf_scope_find(struct mf_pool *pool, const struct mf_run *run, const char *image,
		  struct mf_scope *ret_scope)
{
	_cleanup_(mf_scope_done) struct mf_scope scope = { 0 };
	struct finding f = { .pool = pool, .scope = &scope };
	size_t before;
	int r = add_start(&f, run, image);

	do {
		while (!r && f.followed < scope.n)
			r = scope_follow(&f, scope.ids[f.followed++]);
		before = scope.n;
		if (!r)
			r = add_dependents(&f);
	} while (!r && scope.n > before);
	if (r < 0)
		return r;
	mf_strings_sort(&scope.needs);
	*ret_scope = scope;
	scope = (struct mf_scope){ 0 };
	return 0;
}

bool mf_scope_needs(const struct mf_scope *scope, const char *name)
{
	return mf_strings_sorted_has(&scope->needs, name);
}

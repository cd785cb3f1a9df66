/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * excludepkgs= and includepkgs=.
 *
 * An excluded package counts as not there: it is removed from the pool, so that no want, dependency,
 * recommendation or update can bring it, and a module or alias that only excluded packages have is not
 * in the indexes. The patterns are read at each run, so a change needs no refresh. They are about
 * what comes from the repository: a package that is installed stays, and so does one that was kept on
 * this machine for a rollback. In a run from a medium, what is not on it counts as not there too.
 *
 * A pattern is compared with the forms of a package's name that dnf knows: NAME, NAME.ARCH,
 * NAME-VERSION, NAME-VERSION-RELEASE, the same with .ARCH, and with the epoch. An exclusion has
 * precedence over an inclusion.
 */
#include "filter.h"
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"

bool repo_filter_exists(const struct mf_repo *repo)
{
	return repo->exclude.n || repo->include.n || repo->only_names;
}

/* Is TEXT in a sorted list? Without a list, everything is. */
static bool is_among(const struct mf_strings *sorted, const char *text)
{
	return !sorted || mf_strings_sorted_has(sorted, text);
}

static bool matches_any(const struct mf_strings *patterns, const char *text)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (!fnmatch(patterns->v[i], text, 0))
			return true;
	return false;
}

/* May a pattern match a form that begins with NAME? Their first bytes decide, up to a wildcard. */
static bool may_match_any(const struct mf_strings *patterns, const char *name)
{
	for (size_t i = 0; i < patterns->n; i++) {
		size_t plain = strcspn(patterns->v[i], "*?[\\"), len = strlen(name);

		if (!strncmp(patterns->v[i], name, plain < len ? plain : len))
			return true;
	}
	return false;
}

bool repo_filter_excludes_name(const struct mf_repo *repo, const char *name)
{
	return !is_among(repo->only_names, name) || matches_any(&repo->exclude, name) ||
	       (repo->include.n && !may_match_any(&repo->include, name));
}

/* ---- a package ---- */

/* True also without memory: a package too few is the safe side, one too many is not. */
static bool matches_package(const struct mf_strings *patterns, const struct mf_package *p,
			    bool without_memory)
{
	const char *colon = strchr(p->evr, ':'), *vr = colon ? colon + 1 : p->evr;
	const char *dash = strrchr(vr, '-');
	int version = dash ? (int)(dash - vr) : (int)strlen(vr);
	const char *epoch = colon ? "" : "0:";
	char *const forms[] = {
		mf_format("%s", p->name),
		mf_format("%s.%s", p->name, p->arch),
		mf_format("%s-%.*s", p->name, version, vr),
		mf_format("%s-%s", p->name, vr),
		mf_format("%s-%s.%s", p->name, vr, p->arch),
		mf_format("%s-%s%s", p->name, epoch, p->evr),
		mf_format("%s-%s%s.%s", p->name, epoch, p->evr, p->arch),
	};
	bool found = false;

	for (size_t i = 0; i < MF_ARRAY_SIZE(forms); i++) {
		found |= forms[i] ? matches_any(patterns, forms[i]) : without_memory;
		free(forms[i]);
	}
	return found;
}

struct filtering {
	const struct mf_repo *repo;
	struct mf_pool *pool;
};

static bool is_excluded(void *arg, int id)
{
	const struct filtering *f = arg;
	struct mf_package package;

	mf_pool_package(f->pool, id, &package);
	if (f->repo->only_files &&
	    (package.base || !package.location || !is_among(f->repo->only_files, package.location)))
		return true;
	return matches_package(&f->repo->exclude, &package, true) ||
	       (f->repo->include.n && !matches_package(&f->repo->include, &package, false));
}

void repo_filter_pool(const struct mf_repo *repo, struct mf_pool *pool, int origin)
{
	struct filtering f = { repo, pool };

	if (repo_filter_exists(repo))
		mf_pool_drop(pool, origin, is_excluded, &f);
}

/* ---- the indexes ---- */

struct hiding {
	const struct mf_repo *repo;
	bool some;
};

/* 1: this package is not excluded. */
static int filter_on_package(void *arg, const char *key, const char *value, uint32_t priority)
{
	struct hiding *h = arg;

	h->some = true;
	return !repo_filter_excludes_name(h->repo, value);
}

bool repo_filter_hides_module(const struct mf_repo *repo, struct mf_trie *const *names, size_t n,
			      const char *module)
{
	struct hiding h = { .repo = repo };

	for (size_t i = 0; repo_filter_exists(repo) && i < n; i++)
		if (names[i] && mf_trie_find(names[i], module, filter_on_package, &h))
			return false;
	return h.some;
}

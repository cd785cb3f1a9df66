/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Search for packages by words.
 *
 * Aliases come from the indexes, where patterns are spelled as kmod spells them; the other texts
 * from the pool. The indexes are walked once for each word, and the matches are looked up by
 * module, so that a search reads 4,000 packages in a tenth of a second. A package that is installed
 * with the same name and version as in a repository is one hit, not two. Nothing is judged: a
 * package that a policy refuses is found too.
 */
#include "modfetch/query.h"
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "modfetch/solv.h"

/* A module, and an alias of it that contains or matches the word. */
struct alias_match {
	char *module, *alias;
};

struct term {
	char *word;	       /* in lower case, with '-' as '_' */
	bool pattern;	       /* it contains '*' or '?' */
	struct alias_match *v; /* modules whose alias matches, sorted by module */
	size_t n, room;
};

struct searching {
	struct mf_pool *pool;
	struct term *terms;
	size_t n_terms;
	struct mf_hits hits;
	/* the current word, and the alias of the current package */
	const struct term *term;
	const struct alias_match *alias_match;
};

const char *mf_found_name(enum mf_found found)
{
	switch (found) {
	case MF_FOUND_NAME:
		return "name";
	case MF_FOUND_ALIAS:
		return "alias";
	case MF_FOUND_SUMMARY:
		return "summary";
	case MF_FOUND_DESCRIPTION:
		return "description";
	}
	return NULL;
}

void mf_hits_done(struct mf_hits *hits)
{
	for (size_t i = 0; i < hits->n; i++)
		free(hits->v[i].alias);
	free(hits->v);
	*hits = (struct mf_hits){ 0 };
}

static void searching_done(struct searching *s)
{
	for (size_t i = 0; i < s->n_terms; i++) {
		for (size_t j = 0; j < s->terms[i].n; j++) {
			free(s->terms[i].v[j].module);
			free(s->terms[i].v[j].alias);
		}
		free(s->terms[i].v);
		free(s->terms[i].word);
	}
	free(s->terms);
	mf_hits_done(&s->hits);
}

/* ---- texts ---- */

static char *fold(const char *s)
{
	char *out = strdup(s);

	for (char *p = out; p && *p; p++)
		*p = (char)(*p == '-' ? '_' : tolower((unsigned char)*p));
	return out;
}

/* Is the term in TEXT? WHOLE: TEXT is a name or an alias, and a pattern must match all of it. */
static bool search_is_in(const struct term *term, const char *text, bool whole)
{
	_cleanup_free_ char *folded = text ? fold(text) : NULL;

	if (!folded)
		return false;
	if (term->pattern && whole && !fnmatch(term->word, folded, 0))
		return true;
	return strstr(folded, term->word) != NULL;
}

/* ---- aliases ---- */

static int add_alias_match(struct term *term, const char *module, const char *alias)
{
	if (mf_array_reserve(&term->v, &term->room, term->n + 1, sizeof(*term->v)) < 0)
		return -ENOMEM;
	term->v[term->n] = (struct alias_match){ strdup(module), strdup(alias) };
	if (!term->v[term->n].module || !term->v[term->n].alias) {
		free(term->v[term->n].module);
		free(term->v[term->n].alias);
		return -ENOMEM;
	}
	term->n++;
	return 0;
}

static int search_on_alias(void *arg, const char *pattern, const char *module, size_t repo)
{
	struct term *term = arg;

	return search_is_in(term, pattern, true) ? add_alias_match(term, module, pattern) : 0;
}

static int on_alias_match(void *arg, const char *pattern, const char *module, size_t repo)
{
	return add_alias_match(arg, module, pattern);
}

static int compare_modules(const void *a, const void *b)
{
	return strcmp(((const struct alias_match *)a)->module,
		      ((const struct alias_match *)b)->module);
}

static int search_indexes(const struct mf_catalog *catalog, const char *given, struct term *term)
{
	char name[MF_MODALIAS_MAX + 1];
	int r = mf_catalog_walk(catalog, search_on_alias, term);

	if (!r && mf_modalias_valid(given, strlen(given)) &&
	    mf_alias_normalize(given, name, sizeof(name)) >= 0)
		r = mf_catalog_aliases(catalog, name, on_alias_match, term);
	if (term->n)
		qsort(term->v, term->n, sizeof(*term->v), compare_modules);
	return r;
}

static int add_term(struct searching *s, const struct mf_catalog *catalog, const char *given)
{
	struct term *term = &s->terms[s->n_terms];

	term->word = fold(given);
	if (!term->word)
		return -ENOMEM;
	s->n_terms++;
	term->pattern = strpbrk(given, "*?") != NULL;
	return search_indexes(catalog, given, term);
}

/* ---- packages ---- */

static int search_on_provide(void *arg, const char *name, const char *evr)
{
	struct searching *s = arg;
	char module[256];
	const struct alias_match key = { .module = module };

	if (!s->term->n || !mf_dep_module(name, module, sizeof(module)))
		return 0;
	s->alias_match = bsearch(&key, s->term->v, s->term->n, sizeof(key), compare_modules);
	return s->alias_match != NULL;
}

/* Is the word in the package? HIT gets the place. */
static bool package_has(struct searching *s, int id, const struct mf_package *package,
			struct mf_hit *hit)
{
	struct mf_text text;

	if (search_is_in(s->term, package->name, true)) {
		hit->found = MF_FOUND_NAME;
		return true;
	}
	s->alias_match = NULL;
	if (mf_pool_deps(s->pool, id, MF_PROVIDES, search_on_provide, s) == 1) {
		hit->found = MF_FOUND_ALIAS;
		free(hit->alias);
		hit->alias = strdup(s->alias_match->alias);
		return true;
	}
	if (search_is_in(s->term, package->summary, false)) {
		hit->found = MF_FOUND_SUMMARY;
		return true;
	}
	mf_pool_text(s->pool, id, &text);
	hit->found = MF_FOUND_DESCRIPTION;
	return search_is_in(s->term, text.description, false);
}

/* The installed version of NAME, or NULL. RET_TWIN: a repository has the same version. */
static const char *find_installed_evr(struct searching *s, const char *name, const char *evr,
				      bool *ret_twin)
{
	_cleanup_free_ int *ids = NULL;
	const char *found = NULL;
	size_t n = 0;

	*ret_twin = false;
	if (mf_pool_providers(s->pool, name, NULL, &ids, &n) < 0)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		struct mf_package p;

		mf_pool_package(s->pool, ids[i], &p);
		if (strcmp(p.name, name))
			continue;
		if (p.origin == MF_POOL_INSTALLED)
			found = p.evr;
		*ret_twin |= p.origin >= 0 && !strcmp(p.evr, evr);
	}
	return found;
}

static int search_package(struct searching *s, int id)
{
	struct mf_hit hit = { .id = id };
	struct mf_package package;
	struct mf_hit best = hit;
	bool twin;

	mf_pool_package(s->pool, id, &package);
	for (size_t i = 0; i < s->n_terms; i++) {
		s->term = &s->terms[i];
		if (!package_has(s, id, &package, &hit)) {
			free(hit.alias);
			return 0;
		}
		if (!i || hit.found > best.found)
			best.found = hit.found;
	}
	hit.found = best.found;
	hit.installed_evr = find_installed_evr(s, package.name, package.evr, &twin);
	if (package.origin == MF_POOL_INSTALLED && twin) {
		free(hit.alias);
		return 0;
	}
	s->hits.v[s->hits.n++] = hit;
	return 0;
}

static int search_origin(struct searching *s, int origin)
{
	_cleanup_free_ int *ids = NULL;
	struct mf_hit *v;
	size_t n = 0;
	int r = mf_pool_list(s->pool, origin, &ids, &n);

	if (r < 0)
		return r;
	v = reallocarray(s->hits.v, s->hits.n + n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	s->hits.v = v;
	for (size_t i = 0; !r && i < n; i++)
		r = search_package(s, ids[i]);
	return r;
}

static int compare_hits(const void *a, const void *b, void *arg)
{
	const struct mf_hit *x = a, *y = b;
	struct mf_package p, q;
	int r = (int)x->found - (int)y->found;

	if (r)
		return r;
	mf_pool_package(arg, x->id, &p);
	mf_pool_package(arg, y->id, &q);
	r = strcmp(p.name, q.name);
	if (!r)
		r = mf_pool_compare(arg, y->id, x->id);
	return r ? r : x->id - y->id;
}

int mf_search(struct mf_context *ctx, struct mf_catalog *catalog, const struct mf_strings *terms,
	      struct mf_hits *ret_hits)
{
	_cleanup_(searching_done) struct searching s = { 0 };
	int r = mf_catalog_pool_whole(ctx, catalog, &s.pool);

	if (r < 0)
		return r;
	s.terms = calloc(terms->n + 1, sizeof(*s.terms));
	r = s.terms ? 0 : -ENOMEM;
	for (size_t i = 0; !r && i < terms->n; i++)
		r = add_term(&s, catalog, terms->v[i]);
	for (int origin = MF_POOL_INSTALLED; !r && origin < (int)mf_catalog_repos(catalog)->n;
	     origin++)
		r = search_origin(&s, origin);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_MATCH, r, "search", NULL);
	if (s.hits.n)
		qsort_r(s.hits.v, s.hits.n, sizeof(*s.hits.v), compare_hits, s.pool);
	*ret_hits = s.hits;
	s.hits = (struct mf_hits){ 0 };
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Search for packages by words.
 *
 * Aliases come from the indexes, where patterns are spelled as kmod spells them; the other texts
 * from the pool. The indexes are walked once for each word, and the matches are looked up by
 * module, so that a search reads 4,000 packages in a tenth of a second. A package that is installed
 * with the same name and version as in a repository is one hit, not two. Nothing is judged: a
 * package that a policy refuses is found too.
 *
 * Hits are ranked: a package of that name, a name that begins so, a name that contains the word, a word
 * of the summary, an alias, a part of a text. With several words the worst counts. Texts that modfetch pack
 * generates are not searched: "module" and "license" are in thousands of them, and a pattern would be found
 * by the words that say what it leaves out.
 */
#include "modfetch/query.h"
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/asked.h"
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "modfetch/solv.h"

/* How well a word fits, the best first. */
enum rank { RANK_EXACT, RANK_PREFIX, RANK_NAME, RANK_WORD, RANK_ALIAS, RANK_PART, RANK_NONE };

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
	const char *kernel; /* the release of the run */
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

/* Is the term in an alias? A term without a bus is not compared with the name of the bus. */
static bool alias_has(const struct term *term, const char *alias)
{
	_cleanup_free_ char *folded = fold(alias);
	const char *text = folded, *colon;

	if (!folded)
		return false;
	if (term->pattern && !fnmatch(term->word, folded, 0))
		return true;
	colon = strchr(folded, ':');
	if (colon && !strchr(term->word, ':'))
		text = colon + 1;
	return strstr(text, term->word) != NULL;
}

/* In the name of a package: "igb" is "igb-kmp-amd64-6.1.0_56", but only begins "igbvf-kmp-…". */
static enum rank rank_name(const struct term *term, const char *name)
{
	_cleanup_free_ char *folded = fold(name);
	size_t len = strlen(term->word);

	if (!folded)
		return RANK_NONE;
	if (!strncmp(folded, term->word, len)) {
		const char *rest = folded + len;

		if (!*rest || mf_starts_with(rest, "_kmp") ||
		    (*rest == '_' && mf_ends_with(term->word, "_kmp")))
			return RANK_EXACT;
		return RANK_PREFIX;
	}
	if (strstr(folded, term->word) || (term->pattern && !fnmatch(term->word, folded, 0)))
		return RANK_NAME;
	return RANK_NONE;
}

static bool is_word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* In a text for people. */
static enum rank rank_text(const struct term *term, const char *text)
{
	_cleanup_free_ char *folded = text ? fold(text) : NULL;
	enum rank rank = RANK_NONE;
	size_t len = strlen(term->word);

	for (const char *at = folded; at && (at = strstr(at, term->word)); at++) {
		if ((at == folded || !is_word_char(at[-1])) && !is_word_char(at[len]))
			return RANK_WORD;
		rank = RANK_PART;
	}
	return rank;
}

/* A text that pack writes for a module: "Kernel module igb", "Kernel module igb. … License: GPL." */
static bool is_generated(const char *text)
{
	return text && mf_starts_with(text, "Kernel module ");
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

	return alias_has(term, pattern) ? add_alias_match(term, module, pattern) : 0;
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

/* Is a module of the package known by an alias with the word? HIT gets the alias. */
static bool has_alias(struct searching *s, int id, struct mf_hit *hit)
{
	s->alias_match = NULL;
	if (mf_pool_deps(s->pool, id, MF_PROVIDES, search_on_provide, s) != 1)
		return false;
	free(hit->alias);
	hit->alias = strdup(s->alias_match->alias);
	return true;
}

/* How well the current word fits the package; HIT gets the place. */
static enum rank rank_package(struct searching *s, int id, const struct mf_package *package,
			      struct mf_hit *hit)
{
	enum rank rank = rank_name(s->term, package->name), in_text = RANK_NONE;
	bool pattern = rank == RANK_NONE && mf_asked_is_pattern(package->name, s->kernel);
	struct mf_text text;

	hit->found = MF_FOUND_NAME;
	if (rank != RANK_NONE || pattern)
		return rank;
	if (!is_generated(package->summary))
		in_text = rank_text(s->term, package->summary);
	hit->found = MF_FOUND_SUMMARY;
	if (in_text == RANK_WORD)
		return RANK_WORD;
	if (has_alias(s, id, hit)) {
		hit->found = MF_FOUND_ALIAS;
		return RANK_ALIAS;
	}
	if (in_text != RANK_NONE)
		return RANK_PART;
	mf_pool_text(s->pool, id, &text);
	hit->found = MF_FOUND_DESCRIPTION;
	if (is_generated(text.description) || rank_text(s->term, text.description) == RANK_NONE)
		return RANK_NONE;
	return RANK_PART;
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
	enum mf_found worst = MF_FOUND_NAME;
	bool twin;

	mf_pool_package(s->pool, id, &package);
	for (size_t i = 0; i < s->n_terms; i++) {
		enum rank rank;

		s->term = &s->terms[i];
		rank = rank_package(s, id, &package, &hit);
		if (rank == RANK_NONE) {
			free(hit.alias);
			return 0;
		}
		if (rank >= hit.rank) {
			hit.rank = rank;
			worst = hit.found;
		}
	}
	hit.found = worst;
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
	int r = (int)x->rank - (int)y->rank;

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
	_cleanup_(searching_done) struct searching s = { .kernel = ctx->kernel };
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

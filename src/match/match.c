/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds the modules for a name, as kmod would on a full tree.
 *
 * The order is that of kmod: a module of that name comes before aliases, and a built-in module
 * counts only if no other module matches. The disk and the repositories are searched the same way
 * and the results merged; each module of the repositories that matches and is not on disk is
 * wanted, whether or not the device already has a driver. Then the policy is checked for each of
 * them.
 */
#include "modfetch/match.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "modfetch/policy.h"
#include "modfetch/release.h"
#include "modfetch/strings.h"
#include "on-disk.h"
#include "unbound.h"

#define REASON_MAX 8   /* modules listed in a reason */
#define NAME_SHOWN 256 /* bytes of a query shown in a reason */

struct search {
	struct mf_context *ctx;
	struct mf_catalog *catalog;
	struct mf_kmod *kmod;
	const struct mf_policy *policy;
	struct mf_on_disk *on_disk;
	struct mf_want *want;
	struct mf_match *match;
	bool allowed; /* the policy allows one of the packages of the match */
	bool indexed; /* the disk has a module for the name */
};

/* ---- the disk ---- */

static int on_disk_module(void *arg, const char *name, enum mf_presence presence)
{
	struct search *s = arg;
	int r = presence == MF_ON_DISK ? mf_on_disk_check(s->on_disk, name) : 1;
	struct mf_match *m = r > 0 ? mf_want_add(s->want, name, NULL) : NULL;

	/* a module that is not there may be in a repository, which is searched next */
	if (r <= 0)
		return r;
	if (!m)
		return -ENOMEM;
	m->on_disk = m->by_index = presence == MF_ON_DISK;
	m->builtin = presence == MF_BUILTIN;
	return 0;
}

/* libkmod looks symbols up with their prefix */
static const char *kmod_name(const struct mf_want *want)
{
	return want->kind == MF_WANT_SYMBOL ? want->query : want->name;
}

static int match_search_disk(struct search *s)
{
	return mf_kmod_lookup(s->kmod, kmod_name(s->want), on_disk_module, s);
}

/* ---- the repositories ---- */

static int match_on_package(void *arg, const char *pattern, const char *package, size_t repo)
{
	struct search *s = arg;
	struct mf_match *m = s->match;
	const struct mf_request request = { s->want, m->module, package,
					    mf_catalog_repos(s->catalog)->v[repo].id,
					    mf_match_by_alias(s->want, m) };
	_cleanup_free_ char *why = NULL;
	int r = mf_strings_add_unique(&m->packages, package);

	if (r < 0 || s->allowed || m->on_disk || m->builtin)
		return r;
	r = mf_policy_check(s->policy, &request, &why);
	s->allowed = !r;
	if (r == 1 && !m->refused) {
		m->refused = mf_format("%s has %s", package, why);
		if (!m->refused)
			return -ENOMEM;
	}
	return r < 0 ? r : 0;
}

static int match_add_packages(struct search *s, struct mf_match *match)
{
	int r;

	s->match = match;
	s->allowed = false;
	r = mf_catalog_module(s->catalog, match->module, match_on_package, s);
	if (s->allowed) {
		free(match->refused);
		match->refused = NULL;
	}
	return r;
}

/* Adds a module of a repository, found by PATTERN or (NULL) by its own name. */
static int match_add_module(struct search *s, const char *module, const char *pattern)
{
	struct mf_match *m = mf_want_add(s->want, module, pattern);

	if (!m)
		return -ENOMEM;
	if (!m->pattern && pattern && !(m->pattern = strdup(pattern)))
		return -ENOMEM;
	if (!m->on_disk && !m->builtin) {
		enum mf_presence presence;
		int r = mf_on_disk_presence(s->on_disk, module, &presence);

		if (r < 0)
			return r;
		m->on_disk = presence == MF_ON_DISK;
		m->builtin = presence == MF_BUILTIN;
	}
	if (m->packages.n || !s->catalog)
		return 0;
	return match_add_packages(s, m);
}

/*
 * Is the module on disk, where the index of the kernel says that the name means others? The alias is
 * that of another module of its package.
 */
static int match_is_of_another(const struct search *s, const char *module)
{
	enum mf_presence presence = MF_ABSENT;
	int r;

	for (size_t i = 0; i < s->want->n_matches; i++)
		if (!strcmp(s->want->matches[i].module, module))
			return 0;
	r = s->indexed ? mf_on_disk_presence(s->on_disk, module, &presence) : 0;
	return r < 0 ? r : presence == MF_ON_DISK;
}

static int match_on_alias(void *arg, const char *pattern, const char *module, size_t repo)
{
	int r = match_is_of_another(arg, module);

	return r ? (r < 0 ? r : 0) : match_add_module(arg, module, pattern);
}

static int on_alias_of_ids(void *arg, const char *pattern, const char *module, size_t repo)
{
	const struct search *s = arg;

	return strncmp(pattern, s->want->name, s->want->known) != 0
		       ? 0
		       : match_add_module(arg, module, pattern);
}

static int on_any_package(void *arg, const char *pattern, const char *package, size_t repo)
{
	return 1;
}

/* The pool knows the exported symbols, the indexes do not; without symbol versions they are aliases. */
static int match_search_exporters(struct search *s)
{
	_cleanup_free_ char *dep = NULL;
	_cleanup_free_ int *ids = NULL;
	struct mf_release release;
	struct mf_pool *pool;
	size_t n = 0;
	int r = mf_catalog_pool_whole(s->ctx, s->catalog, &pool);

	if (r < 0 || mf_release_parse(s->ctx->kernel, NULL, &release) < 0)
		return r;
	dep = mf_format("ksym(%s:%s)", release.flavor, s->want->name);
	if (!dep)
		return -ENOMEM;
	r = mf_pool_providers(pool, dep, NULL, &ids, &n);
	for (size_t i = 0; !r && i < n; i++) {
		struct mf_package package;
		char module[MF_MODULE_NAME_SIZE];
		const char *kmp;
		_cleanup_free_ char *stem = NULL;

		mf_pool_package(pool, ids[i], &package);
		kmp = strstr(package.name, "-kmp-");
		if (package.origin < 0 || !kmp)
			continue;
		stem = strndup(package.name, (size_t)(kmp - package.name));
		if (stem && mf_module_name(stem, module, sizeof(module)))
			r = match_add_module(s, module, NULL);
	}
	if (r < 0 || s->want->n_matches)
		return r;
	return mf_catalog_aliases(s->catalog, s->want->query, match_on_alias, s);
}

static int match_search_repositories(struct search *s)
{
	struct mf_want *want = s->want;
	enum mf_presence presence;
	int r;

	if (!s->catalog)
		return 0;
	switch (want->kind) {
	case MF_WANT_SYMBOL:
		return match_search_exporters(s);
	case MF_WANT_NAME:
		/* a module of that name, on disk or not, comes before aliases */
		r = mf_catalog_module(s->catalog, want->name, on_any_package, NULL);
		if (r)
			return r < 0 ? r : match_add_module(s, want->name, NULL);
		r = mf_on_disk_presence(s->on_disk, want->name, &presence);
		if (r < 0 || presence == MF_ON_DISK)
			return r;
		break;
	case MF_WANT_ALIAS:
	case MF_WANT_BAD:
		break;
	}
	/* an alias that begins with the ids may ask for more, as for a subsystem */
	r = want->known ? mf_catalog_walk(s->catalog, on_alias_of_ids, s) : 0;
	return r ? r : mf_catalog_aliases(s->catalog, want->name, match_on_alias, s);
}

/* ---- modprobe.d ---- */

/* An alias line replaces the indexes, and may name a module that is not on disk yet. */
static int on_alias_target(void *arg, const char *module)
{
	int r = match_add_module(arg, module, NULL);

	return r < 0 ? r : 0;
}

/* A line "install NAME" comes before all aliases, unless a module has that name. */
static int match_apply_install_line(struct search *s)
{
	struct mf_want *want = s->want;
	struct mf_match *m;

	for (size_t i = 0; i < want->n_matches; i++)
		if (!want->matches[i].builtin && !strcmp(want->matches[i].module, want->name))
			return 0;
	if (!mf_kmod_install_command(s->kmod, want->name))
		return 0;
	for (size_t i = 0; i < want->n_matches; i++)
		mf_match_done(&want->matches[i]);
	want->n_matches = 0;
	m = mf_want_add(want, want->name, NULL);
	if (!m)
		return -ENOMEM;
	m->refused = mf_format("%s: an install line of modprobe.d applies to it", want->name);
	return m->refused ? 0 : -ENOMEM;
}

static int match_search(struct search *s)
{
	int r = mf_kmod_config_alias(s->kmod, kmod_name(s->want), on_alias_target, s);

	if (r < 0 || s->want->n_matches)
		return r;
	r = match_search_disk(s);
	for (size_t i = 0; i < s->want->n_matches; i++)
		s->indexed |= s->want->matches[i].on_disk;
	if (r >= 0)
		r = match_search_repositories(s);
	return r < 0 ? r : match_apply_install_line(s);
}

/* ---- the result ---- */

typedef bool match_test(const struct mf_want *want, const struct mf_match *match);

/* Removes the matches for which KEEP is false, unless that are all. */
static void match_filter(struct mf_want *want, match_test *keep)
{
	size_t kept = 0;
	bool any = false;

	for (size_t i = 0; i < want->n_matches; i++)
		any |= keep(want, &want->matches[i]);
	for (size_t i = 0; any && i < want->n_matches; i++) {
		if (keep(want, &want->matches[i]))
			want->matches[kept++] = want->matches[i];
		else
			mf_match_done(&want->matches[i]);
	}
	if (any)
		want->n_matches = kept;
}

static bool match_is_module(const struct mf_want *want, const struct mf_match *match)
{
	return !match->builtin;
}

static bool is_named(const struct mf_want *want, const struct mf_match *match)
{
	return !mf_match_by_alias(want, match);
}

/* That of kmod, on the merged list: modules before built-in ones, names before aliases. */
static void match_apply_precedence(struct mf_want *want)
{
	match_filter(want, match_is_bound);
	match_filter(want, match_is_module);
	match_filter(want, is_named);
}

/*
 * Marks modules that crashed the machine: in unattended runs they are refused, on disk or not; in
 * others the reason mentions it.
 */
static int match_mark_crashed(const struct search *s)
{
	struct mf_want *want = s->want;

	for (size_t i = 0; i < want->n_matches; i++) {
		struct mf_match *m = &want->matches[i];
		const struct mf_pending_load *attempt = mf_policy_crashed(s->policy, m->module);

		m->crashed = attempt != NULL;
		if (!attempt || !s->ctx->unattended)
			continue;
		free(m->refused);
		m->refused = mf_format("%s: the machine went down when it was loaded for %s; see "
				       "modfetch allow",
				       m->module, attempt->subject);
		if (!m->refused)
			return -ENOMEM;
	}
	return 0;
}

enum class { WANTED, REFUSED, PRESENT, BUILTIN, N_CLASSES, NO_CLASS = N_CLASSES };

static enum class match_class(const struct mf_match *m) {
	if (m->refused && (m->crashed || !(m->on_disk || m->builtin))) return REFUSED;
	if (m->on_disk) return PRESENT;
	if (m->builtin) return BUILTIN;
	return mf_match_wanted(m) ? WANTED : NO_CLASS;
}

/* Can both be in one clause? A refused module has its own reason. */
static bool share_clause(const struct mf_match *a, const struct mf_match *b)
{
	enum class class = match_class(a);

	return class == match_class(b) && class != REFUSED && a->crashed == b->crashed &&
	       (class != WANTED || !strcmp(a->packages.v[0], b->packages.v[0]));
}

/* Are both found by the same alias, in the same package? The metadata does not say which has it. */
static bool share_alias(const struct mf_match *a, const struct mf_match *b)
{
	return match_class(a) == WANTED && match_class(b) == WANTED && a->pattern && b->pattern &&
	       !strcmp(a->pattern, b->pattern) && !strcmp(a->packages.v[0], b->packages.v[0]);
}

/* "a, b and c are on disk", "one of 7 modules of a-kmp-default" */
static void print_clause(FILE *f, const struct mf_want *want, const struct mf_match *const *group,
			 size_t n)
{
	static const char *const places[] = {
		[WANTED] = "in ",
		[PRESENT] = "on disk",
		[BUILTIN] = "built into the kernel",
	};
	enum class class = match_class(group[0]);
	size_t of = 0;

	assert(class < N_CLASSES);
	if (class == REFUSED) {
		fputs(group[0]->refused, f);
		return;
	}
	for (size_t i = 0; n == 1 && i < want->n_matches; i++)
		of += share_alias(group[0], &want->matches[i]);
	if (of > 1) {
		fprintf(f, "it is one of %zu modules of %s", of, group[0]->packages.v[0]);
		return;
	}
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s%s", !i ? "" : i + 1 < n ? ", " : " and ", group[i]->module);
	fprintf(f, " %s %s%s", n > 1 ? "are" : "is", places[class],
		class == WANTED ? group[0]->packages.v[0] : "");
	if (group[0]->crashed)
		fprintf(f, ", but the machine went down when %s loaded",
			n > 1 ? "they were" : "it was");
}

/* Puts the matches into the order of their class, at most REASON_MAX. Returns the number of all. */
static size_t match_order(const struct mf_want *want, const struct mf_match *ret_picked[REASON_MAX])
{
	size_t n = 0;

	for (enum class class = WANTED; class < N_CLASSES; class ++)
		for (size_t i = 0; i < want->n_matches; i++) {
			bool again = match_class(&want->matches[i]) != class;

			/* a bundle counts once */
			for (size_t j = 0; !again && j < i; j++)
				again = share_alias(&want->matches[j], &want->matches[i]);
			if (again)
				continue;
			if (n < REASON_MAX)
				ret_picked[n] = &want->matches[i];
			n++;
		}
	return n;
}

/* All matches in clauses: "a is in a-kmp-default; b and c are on disk". */
static void print_reason(FILE *f, const struct mf_want *want, const struct mf_match **picked,
			 size_t n)
{
	const struct mf_match *group[REASON_MAX];
	size_t left = n < REASON_MAX ? n : REASON_MAX, more = n - left;

	for (const char *sep = ""; left; sep = "; ") {
		size_t in_group = 0, others = 0;

		for (size_t i = 0; i < left; i++) {
			const struct mf_match *m = picked[i];

			if (!in_group || share_clause(group[0], m))
				group[in_group++] = m;
			else
				picked[others++] = m;
		}
		fputs(sep, f);
		print_clause(f, want, group, in_group);
		left = others;
	}
	if (more)
		fprintf(f, "; %zu more match%s", more, more > 1 ? "" : "es");
}

static void match_set_state(const struct mf_catalog *catalog, struct mf_want *want)
{
	static const enum mf_state states[] = { [WANTED] = MF_AVAILABLE,
						[REFUSED] = MF_DENIED,
						[PRESENT] = MF_PRESENT,
						[BUILTIN] = MF_BUILTIN_STATE };
	const char *moved = catalog ? mf_catalog_moved(catalog) : NULL;
	const struct mf_match *picked[REASON_MAX] = { NULL };
	size_t n = match_order(want, picked), len;
	enum class best = picked[0] ? match_class(picked[0]) : NO_CLASS;
	char *reason = NULL;
	FILE *f;

	want->state = best < N_CLASSES ? states[best] : MF_UNKNOWN;
	if (match_explain_unbound(catalog, want))
		return;
	if (!picked[0]) {
		mf_want_reason(want, "no package for %.*s%s%s%s", NAME_SHOWN, want->query,
			       strlen(want->query) > NAME_SHOWN ? "…" : "", moved ? "; " : "",
			       moved ? moved : "");
		return;
	}
	f = open_memstream(&reason, &len);
	if (f)
		print_reason(f, want, picked, n);
	if (f && !fclose(f))
		mf_want_reason(want, "%s", reason);
	free(reason);
}

int mf_match(struct mf_context *ctx, struct mf_catalog *catalog, struct mf_kmod *kmod,
	     const struct mf_policy *policy, struct mf_want *wants, size_t n)
{
	_cleanup_(mf_on_disk_done) struct mf_on_disk on_disk = { .ctx = ctx, .kmod = kmod };

	for (size_t i = 0; i < n; i++) {
		struct search s = { ctx,       catalog, kmod,  policy, &on_disk,
				    &wants[i], NULL,	false, false };
		int r;

		if (wants[i].kind == MF_WANT_BAD)
			continue;
		r = match_search(&s);

		if (r < 0)
			return ctx->failure.code
				       ? r
				       : mf_fail(ctx, MF_STAGE_MATCH, r, wants[i].query, NULL);
		match_apply_precedence(&wants[i]);
		if (match_mark_crashed(&s) < 0)
			return mf_fail(ctx, MF_STAGE_MATCH, -ENOMEM, wants[i].query, NULL);
		match_set_state(catalog, &wants[i]);
	}
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a name to modules, as kmod would find them on a full tree.
 *
 * The order is kmod's: a module of that name wins over aliases, and something built in counts only
 * where no module matches. The disk and the repositories are asked alike and their answers joined;
 * every module of the repositories that matches and is not on disk is wanted, whether or not the
 * device already has a driver. Then the rules that refuse are asked, for each of those.
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

#define REASON_MAX 8   /* modules that a reason names */
#define NAME_SHOWN 256 /* bytes of a query that it repeats */

struct asking {
	struct mf_context *ctx;
	struct mf_catalog *catalog;
	struct mf_kmod *kmod;
	const struct mf_policy *policy;
	struct mf_want *want;
	struct mf_match *match;
	bool allowed; /* one of the match's packages */
};

/* ---- the disk ---- */

static int see_disk(void *arg, const char *name, enum mf_presence presence)
{
	struct asking *a = arg;
	struct mf_match *m = mf_want_add(a->want, name, NULL);

	if (!m)
		return -ENOMEM;
	m->on_disk = presence == MF_ON_DISK;
	m->builtin = presence == MF_BUILTIN;
	return 0;
}

/* symbols go to kmod with their prefix */
static const char *kmod_name(const struct mf_want *want)
{
	return want->kind == MF_WANT_SYMBOL ? want->query : want->name;
}

static int ask_disk(struct asking *a)
{
	return mf_kmod_lookup(a->kmod, kmod_name(a->want), see_disk, a);
}

/* ---- the repositories ---- */

static int match_see_package(void *arg, const char *pattern, const char *package, size_t repo)
{
	struct asking *a = arg;
	struct mf_match *m = a->match;
	const struct mf_request request = { a->want, m->module, package,
					    mf_catalog_repos(a->catalog)->v[repo].id,
					    mf_match_by_alias(a->want, m) };
	_cleanup_free_ char *why = NULL;
	int r = mf_strings_add_unique(&m->packages, package);

	if (r < 0 || a->allowed || m->on_disk || m->builtin)
		return r;
	r = mf_policy_check(a->policy, &request, &why);
	a->allowed = !r;
	if (r == 1 && !m->refused && asprintf(&m->refused, "%s has %s", package, why) < 0) {
		m->refused = NULL;
		return -ENOMEM;
	}
	return r < 0 ? r : 0;
}

static int match_see_packages(struct asking *a, struct mf_match *match)
{
	int r;

	a->match = match;
	a->allowed = false;
	r = mf_catalog_module(a->catalog, match->module, match_see_package, a);
	if (a->allowed) {
		free(match->refused);
		match->refused = NULL;
	}
	return r;
}

/* A module that a repository names, by PATTERN or (NULL) by its own name. */
static int match_see_module(struct asking *a, const char *module, const char *pattern)
{
	struct mf_match *m = mf_want_add(a->want, module, pattern);

	if (!m)
		return -ENOMEM;
	if (!m->pattern && pattern && !(m->pattern = strdup(pattern)))
		return -ENOMEM;
	if (!m->on_disk && !m->builtin) {
		enum mf_presence presence = mf_kmod_presence(a->kmod, module);

		m->on_disk = presence == MF_ON_DISK;
		m->builtin = presence == MF_BUILTIN;
	}
	if (m->packages.n || !a->catalog)
		return 0;
	return match_see_packages(a, m);
}

static int match_see_alias(void *arg, const char *pattern, const char *module, size_t repo)
{
	return match_see_module(arg, module, pattern);
}

static int found_name(void *arg, const char *pattern, const char *package, size_t repo)
{
	return 1;
}

/* Who exports a symbol: the pool knows, the indexes do not. */
static int ask_exporters(struct asking *a)
{
	_cleanup_free_ char *dep = NULL;
	_cleanup_free_ int *ids = NULL;
	struct mf_release release;
	struct mf_pool *pool;
	size_t n = 0;
	int r = mf_catalog_pool_whole(a->ctx, a->catalog, &pool);

	if (r < 0 || mf_release_parse(a->ctx->kernel, NULL, &release) < 0)
		return r;
	dep = mf_format("ksym(%s:%s)", release.flavor, a->want->name);
	if (!dep)
		return -ENOMEM;
	r = mf_pool_providers(pool, dep, NULL, &ids, &n);
	for (size_t i = 0; !r && i < n; i++) {
		struct mf_package package;
		char module[256];
		const char *kmp;
		_cleanup_free_ char *stem = NULL;

		mf_pool_package(pool, ids[i], &package);
		kmp = strstr(package.name, "-kmp-");
		if (package.origin < 0 || !kmp)
			continue;
		stem = strndup(package.name, (size_t)(kmp - package.name));
		if (stem && mf_module_name(stem, module, sizeof(module)))
			r = match_see_module(a, module, NULL);
	}
	return r;
}

static int match_ask_repositories(struct asking *a)
{
	struct mf_want *want = a->want;
	int r;

	if (!a->catalog)
		return 0;
	switch (want->kind) {
	case MF_WANT_SYMBOL:
		return ask_exporters(a);
	case MF_WANT_NAME:
		/* a module of that name, wherever it is, wins over aliases */
		r = mf_catalog_module(a->catalog, want->name, found_name, NULL);
		if (r)
			return r < 0 ? r : match_see_module(a, want->name, NULL);
		if (mf_kmod_presence(a->kmod, want->name) == MF_ON_DISK)
			return 0;
		break;
	case MF_WANT_ALIAS:
	case MF_WANT_BAD:
		break;
	}
	return mf_catalog_aliases(a->catalog, want->name, match_see_alias, a);
}

/* ---- modprobe.d ---- */

/* An alias line answers alone, whatever the indexes say, and may name a module not yet here. */
static int see_target(void *arg, const char *module)
{
	int r = match_see_module(arg, module, NULL);

	return r < 0 ? r : 0;
}

/* A line "install NAME" for what is no module's name stands before all aliases. */
static int ask_install_line(struct asking *a)
{
	struct mf_want *want = a->want;
	struct mf_match *m;

	for (size_t i = 0; i < want->n_matches; i++)
		if (!want->matches[i].builtin && !strcmp(want->matches[i].module, want->name))
			return 0;
	if (!mf_kmod_install_command(a->kmod, want->name))
		return 0;
	for (size_t i = 0; i < want->n_matches; i++)
		mf_match_done(&want->matches[i]);
	want->n_matches = 0;
	m = mf_want_add(want, want->name, NULL);
	if (!m || asprintf(&m->refused, "%s: an install line of modprobe.d answers for it",
			   want->name) < 0)
		return -ENOMEM;
	return 0;
}

static int match_ask(struct asking *a)
{
	int r = mf_kmod_config_alias(a->kmod, kmod_name(a->want), see_target, a);

	if (r < 0 || a->want->n_matches)
		return r;
	r = ask_disk(a);
	if (r >= 0)
		r = match_ask_repositories(a);
	return r < 0 ? r : ask_install_line(a);
}

/* ---- the verdict ---- */

typedef bool test(const struct mf_want *want, const struct mf_match *match);

/* Takes out the matches that KEEP does not want, unless it wants none of them. */
static void filter(struct mf_want *want, test *keep)
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

/* kmod's precedence, over both answers: modules before what is built in, names before aliases. */
static void prefer(struct mf_want *want)
{
	filter(want, match_is_module);
	filter(want, is_named);
}

/* What brought the machine down is refused, on disk or not, where nobody watches; else told. */
static int see_crashed(const struct asking *a)
{
	struct mf_want *want = a->want;

	for (size_t i = 0; i < want->n_matches; i++) {
		struct mf_match *m = &want->matches[i];
		const struct mf_pending_load *attempt = mf_policy_crashed(a->policy, m->module);

		m->crashed = attempt != NULL;
		if (attempt && a->ctx->unattended) {
			free(m->refused);
			m->refused = NULL;
		}
		if (attempt && a->ctx->unattended &&
		    asprintf(&m->refused,
			     "%s: the machine went down when it was loaded for %s; see modfetch "
			     "allow",
			     m->module, attempt->subject) < 0) {
			m->refused = NULL;
			return -ENOMEM;
		}
	}
	return 0;
}

enum class { WANTED, REFUSED, PRESENT, BUILTIN, N_CLASSES, NOTHING = N_CLASSES };

static enum class class_of(const struct mf_match *m) {
	if (m->refused && (m->crashed || !(m->on_disk || m->builtin))) return REFUSED;
	if (m->on_disk) return PRESENT;
	if (m->builtin) return BUILTIN;
	return mf_match_wanted(m) ? WANTED : NOTHING;
}

/* Has the same been said of both? What is refused has a reason of its own each. */
static bool share_clause(const struct mf_match *a, const struct mf_match *b)
{
	enum class class = class_of(a);

	return class == class_of(b) && class != REFUSED && a->crashed == b->crashed &&
	       (class != WANTED || !strcmp(a->packages.v[0], b->packages.v[0]));
}

/* "a, b and c are on disk" */
static void put_clause(FILE *f, const struct mf_match *const *group, size_t n)
{
	static const char *const places[] = {
		[WANTED] = "in ",
		[PRESENT] = "on disk",
		[BUILTIN] = "built into the kernel",
	};
	enum class class = class_of(group[0]);

	assert(class < N_CLASSES);
	if (class == REFUSED) {
		fputs(group[0]->refused, f);
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

/* The matches that decide first; at most REASON_MAX. Returns how many there are in all. */
static size_t match_pick(const struct mf_want *want, const struct mf_match *ret_picked[REASON_MAX])
{
	size_t n = 0;

	for (enum class class = WANTED; class < N_CLASSES; class ++)
		for (size_t i = 0; i < want->n_matches; i++) {
			if (class_of(&want->matches[i]) != class)
				continue;
			if (n < REASON_MAX)
				ret_picked[n] = &want->matches[i];
			n++;
		}
	return n;
}

/* All that match, in clauses: "a is in a-kmp-default; b and c are on disk". */
static void put_reason(FILE *f, const struct mf_match **picked, size_t n)
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
		put_clause(f, group, in_group);
		left = others;
	}
	if (more)
		fprintf(f, "; %zu more match%s", more, more > 1 ? "" : "es");
}

static void match_judge(const struct mf_catalog *catalog, struct mf_want *want)
{
	static const enum mf_state states[] = { [WANTED] = MF_AVAILABLE,
						[REFUSED] = MF_DENIED,
						[PRESENT] = MF_PRESENT,
						[BUILTIN] = MF_BUILTIN_STATE };
	const char *moved = catalog ? mf_catalog_moved(catalog) : NULL;
	const struct mf_match *picked[REASON_MAX] = { NULL };
	size_t n = match_pick(want, picked), len;
	enum class best = picked[0] ? class_of(picked[0]) : NOTHING;
	char *reason = NULL;
	FILE *f;

	want->state = best < N_CLASSES ? states[best] : MF_UNKNOWN;
	if (!picked[0]) {
		mf_want_reason(want, "no package for %.*s%s%s%s", NAME_SHOWN, want->query,
			       strlen(want->query) > NAME_SHOWN ? "…" : "", moved ? "; " : "",
			       moved ? moved : "");
		return;
	}
	f = open_memstream(&reason, &len);
	if (f)
		put_reason(f, picked, n);
	if (f && !fclose(f))
		mf_want_reason(want, "%s", reason);
	free(reason);
}

int mf_match(struct mf_context *ctx, struct mf_catalog *catalog, struct mf_kmod *kmod,
	     const struct mf_policy *policy, struct mf_want *wants, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct asking a = { ctx, catalog, kmod, policy, &wants[i], NULL, false };
		int r;

		if (wants[i].kind == MF_WANT_BAD)
			continue;
		r = match_ask(&a);

		if (r < 0)
			return ctx->failure.code ? r
						 : mf_fail(ctx, "match", r, wants[i].query, NULL);
		prefer(&wants[i]);
		if (see_crashed(&a) < 0)
			return mf_fail(ctx, "match", -ENOMEM, wants[i].query, NULL);
		match_judge(catalog, &wants[i]);
	}
	return 0;
}

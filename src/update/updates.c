/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which installed drivers have a newer version.
 *
 * A version is compared only with versions of its own origin: builders of out-of-box drivers number
 * them as they like. The origin is the repository that the package was installed from, which the list
 * of kept packages knows; else the one that has this very version. A package of neither is compared with
 * all repositories.
 *
 * An out-of-box driver takes the place of one that is there only by the word of the admin: prefer=1 of
 * its repository, or a rule that prefers it. Then it is wanted if its module is in use or was asked for; a repository with a
 * thousand drivers does not come as a whole.
 *
 * A version that has no alias for a device of this machine which the installed one serves is offered only if
 * there is no other, and not installed unasked.
 *
 * Only packages of drivers are looked at: a machine's rpm database may have thousands of others, with
 * tools of their own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "devices.h"
#include "names.h"
#include "search.h"

/* ---- candidates ---- */

static bool is_other_build(const struct search *s, int id)
{
	for (size_t i = 0; i < s->n_other_builds; i++)
		if (s->other_builds[i] == id)
			return true;
	return false;
}

static bool was_taken_back(const struct search *s, const struct mf_package *package,
			   char **ret_clause)
{
	enum mf_asked_kind kind;
	_cleanup_free_ char *name = mf_asked_short_name(package->name, s->ctx->kernel, &kind);
	const struct mf_taken_back_entry *entry =
		name ? mf_taken_back_find(&s->taken, name, package->evr) : NULL;

	if (entry && ret_clause)
		*ret_clause = mf_format("it was taken back: %s", entry->why);
	return entry;
}

/* The newest versions of a package that are newer than the installed one, by what is against them; 0: none. */
struct newest {
	int good;
	int lossy;  /* it has no alias for a device that the installed one serves */
	char *loss; /* a clause about that */
	int taken;  /* it was taken back */
};

static void newest_done(struct newest *newest)
{
	free(newest->loss);
}

static void keep_newer(const struct search *s, int *slot, int id)
{
	if (!*slot || mf_pool_compare(s->pool, id, *slot) > 0)
		*slot = id;
}

/* 0 or a recorded failure. */
static int sort_in(struct search *s, int installed, int id, struct newest *newest)
{
	_cleanup_free_ char *loss = NULL;
	struct mf_package p;
	int r;

	mf_pool_package(s->pool, id, &p);
	if (was_taken_back(s, &p, NULL)) {
		keep_newer(s, &newest->taken, id);
		return 0;
	}
	r = update_loses_device(s, installed, id, &loss);
	if (r < 0)
		return r;
	keep_newer(s, r ? &newest->lossy : &newest->good, id);
	if (newest->lossy == id) {
		free(newest->loss);
		newest->loss = MF_STEAL(loss);
	}
	return 0;
}

/* Finds the newest versions of an installed package in its repository. 0 or a recorded failure. */
static int find_newest(struct search *s, int installed, const struct mf_package *package,
		       int origin, struct newest *newest)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = 0;

	if (mf_choice_find(s->pool, package->name, MF_WHICH_AVAILABLE, &ids, &n) < 0)
		return 0;
	for (size_t i = 0; !r && i < n; i++) {
		struct mf_package p;

		mf_pool_package(s->pool, ids[i], &p);
		if (strcmp(p.name, package->name) || (origin >= 0 && p.origin != origin) ||
		    strcmp(p.arch, package->arch) || is_other_build(s, ids[i]) ||
		    mf_pool_compare(s->pool, ids[i], installed) <= 0)
			continue;
		r = sort_in(s, installed, ids[i], newest);
	}
	return r;
}

/* ---- rules ---- */

static int add_module(void *arg, const char *name, const char *evr)
{
	char module[MF_MODULE_NAME_SIZE];

	return mf_dep_module(name, module, sizeof(module)) ? mf_strings_add(arg, module) : 0;
}

/* The rule with VERB that applies to a package of the pool, or NULL. */
static const struct mf_rule *rule_for(const struct search *s, int id, enum mf_rule_verb verb)
{
	_cleanup_(mf_strings_done) struct mf_strings modules = { 0 };
	struct mf_facts facts = { 0 };
	struct mf_package p;

	if (!mf_rules_any(s->rules, verb))
		return NULL;
	mf_pool_package(s->pool, id, &p);
	facts.package = p.name;
	facts.repository = p.origin < 0 ? NULL : s->repos->v[p.origin].id;
	(void)mf_pool_deps(s->pool, id, MF_PROVIDES, add_module, &modules);
	return mf_rules_find_package(s->rules, verb, &facts, &modules);
}

/* Is the installed package held? The clause is new memory, or NULL. */
static char *held_clause(const struct search *s, int installed)
{
	const struct mf_rule *rule = rule_for(s, installed, MF_RULE_HOLD);

	return rule ? mf_format("it is held (%s, %s line %u)", rule->text, rule->file, rule->line)
		    : NULL;
}

/* ---- updates ---- */

/* BLOCKED: a clause, which it takes over, or NULL. HELD: it says that a rule holds the package. */
static int note_update(struct search *s, int id, const char *installed, const char *module,
		       char *blocked, bool held)
{
	struct mf_update u = { 0 };
	struct mf_package p;

	mf_pool_package(s->pool, id, &p);
	u = (struct mf_update){
		.name = strdup(p.name),
		.installed = installed ? strdup(installed) : NULL,
		.evr = strdup(p.evr),
		.arch = strdup(p.arch),
		.label = mf_package_label(&p),
		.repo = strdup(s->repos->v[p.origin].id),
		.module = module ? strdup(module) : NULL,
		.blocked = blocked,
		.held = held,
	};
	if (!blocked)
		(void)was_taken_back(s, &p, &u.blocked);
	/* an incomplete one is freed with the others */
	if (update_append(s, &u) < 0)
		return -ENOMEM;
	return u.name && u.evr && u.arch && u.label && u.repo && (!installed || u.installed)
		       ? 0
		       : -ENOMEM;
}

/* ---- installed packages ---- */

/* Notes the newer version of an installed driver that is the first to be offered, if there is one. */
static int note_newest(struct search *s, int installed, const struct driver *driver,
		       struct newest *newest)
{
	const char *module = *driver->module ? driver->module : NULL;
	int id = newest->good ? newest->good : newest->lossy ? newest->lossy : newest->taken;
	char *held = id ? held_clause(s, installed) : NULL;

	if (!id)
		return 0;
	if (id == newest->good && newest->lossy &&
	    mf_pool_compare(s->pool, newest->lossy, newest->good) > 0)
		mf_log(s->ctx, MF_LOG_INFO, "update: %s: not the newest version: %s",
		       driver->package.name, newest->loss);
	return note_update(s, id, driver->package.evr, module,
			   held			 ? held
			   : id == newest->lossy ? MF_STEAL(newest->loss)
						 : NULL,
			   held);
}

static int look_at_installed(struct search *s, int id, const struct mf_strings *names,
			     struct mf_strings *found)
{
	_cleanup_(newest_done) struct newest newest = { 0 };
	struct driver driver;
	_cleanup_free_ char *label = NULL;
	int r = update_look_at_driver(s, id, &driver);

	if (r <= 0)
		return r;
	label = driver.label;
	r = update_match_names(s->ctx, s->pool, id, names, found);
	if (r <= 0)
		return r;
	r = find_newest(s, id, &driver.package, driver.origin, &newest);
	return r < 0 ? r : note_newest(s, id, &driver, &newest);
}

static int look_at_all_installed(struct search *s, const struct mf_strings *names,
				 struct mf_strings *found)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = mf_pool_list(s->pool, MF_POOL_INSTALLED, &ids, &n);

	for (size_t i = 0; !r && i < n; i++)
		r = look_at_installed(s, ids[i], names, found);
	return r;
}

/* ---- preferred repositories ---- */

static bool is_asked(const struct search *s, const char *module)
{
	for (size_t i = 0; i < s->asked.n; i++)
		if (s->asked.v[i].kind == MF_ASKED_NAME && !strcmp(s->asked.v[i].what, module))
			return true;
	return false;
}

struct in_use {
	const struct search *s;
	char module[MF_MODULE_NAME_SIZE];
};

static int on_preferred_module(void *arg, const char *name, const char *evr)
{
	struct in_use *u = arg;
	char module[MF_MODULE_NAME_SIZE];

	if (!mf_dep_module(name, module, sizeof(module)))
		return 0;
	if (!is_asked(u->s, module) &&
	    (!u->s->ctx->kernel_running || !mf_module_is_loaded(u->s->ctx, module)))
		return 0;
	memcpy(u->module, module, sizeof(module));
	return 1;
}

/* Is any version of that name installed, or noted already? The newest of a repository comes first. */
static bool is_known(const struct search *s, const char *name)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;

	for (size_t i = 0; i < s->updates->n; i++)
		if (!strcmp(s->updates->v[i].name, name))
			return true;
	return mf_choice_find(s->pool, name, MF_WHICH_INSTALLED, &ids, &n) < 0 || n;
}

static bool is_preferred(const struct search *s, int id)
{
	struct mf_package p;

	mf_pool_package(s->pool, id, &p);
	return s->repos->v[p.origin].prefer || rule_for(s, id, MF_RULE_PREFER);
}

static int look_at_preferred(struct search *s, int id, const struct mf_strings *names,
			     struct mf_strings *found)
{
	struct in_use u = { .s = s };
	int r;

	if (!is_preferred(s, id) || is_other_build(s, id) ||
	    is_known(s, mf_pool_name(s->pool, id)) ||
	    mf_pool_deps(s->pool, id, MF_PROVIDES, on_preferred_module, &u) <= 0)
		return 0;
	r = update_match_names(s->ctx, s->pool, id, names, found);
	if (r <= 0)
		return r;
	return note_update(s, id, NULL, u.module, NULL, false);
}

static int newest_first(const void *a, const void *b, void *arg)
{
	return mf_pool_compare(arg, *(const int *)b, *(const int *)a);
}

static int look_at_all_preferred(struct search *s, const struct mf_strings *names,
				 struct mf_strings *found)
{
	bool by_rule = mf_rules_any(s->rules, MF_RULE_PREFER);
	int r = 0;

	for (size_t i = 0; !r && i < s->repos->n; i++) {
		_cleanup_free_ int *ids = NULL;
		size_t n = 0;

		if ((!s->repos->v[i].prefer && !by_rule) || !s->repos->v[i].enabled)
			continue;
		r = mf_pool_list(s->pool, (int)i, &ids, &n);
		if (!r && n)
			qsort_r(ids, n, sizeof(*ids), newest_first, s->pool);
		for (size_t j = 0; !r && j < n; j++)
			r = look_at_preferred(s, ids[j], names, found);
	}
	return r;
}

/* ---- all ---- */

int mf_updates_find(struct mf_context *ctx, const struct mf_strings *names,
		    struct mf_updates *ret_updates)
{
	_cleanup_(mf_updates_done) struct mf_updates updates = { 0 };
	_cleanup_(mf_strings_done) struct mf_strings found = { 0 };
	_cleanup_(update_search_done) struct search s = { .ctx = ctx, .updates = &updates };
	int r = update_search_begin(&s);

	if (r < 0)
		return r;
	r = look_at_all_installed(&s, names, &found);
	if (!r)
		r = look_at_all_preferred(&s, names, &found);
	if (r < 0)
		return ctx->failure.code ? r : mf_fail(ctx, MF_STAGE_RESOLVE, r, "updates", NULL);
	for (size_t i = 0; names && i < names->n; i++)
		if (!mf_strings_has(&found, names->v[i]))
			return mf_fail(ctx, MF_STAGE_RESOLVE, -MFE_NOT_FOUND, names->v[i],
				       "no installed driver package has this name or module");
	if (updates.n)
		qsort(updates.v, updates.n, sizeof(*updates.v), update_compare_names);
	*ret_updates = updates;
	updates = (struct mf_updates){ 0 };
	return 0;
}

struct mf_version *mf_updates_versions(const struct mf_updates *updates, size_t *ret_n)
{
	struct mf_version *versions = calloc(updates->n + 1, sizeof(*versions));

	*ret_n = 0;
	for (size_t i = 0; versions && i < updates->n; i++)
		if (!updates->v[i].blocked)
			versions[(*ret_n)++] =
				(struct mf_version){ updates->v[i].label, updates->v[i].repo };
	return versions;
}

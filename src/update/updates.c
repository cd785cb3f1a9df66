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
 * its repository. Then it is wanted if its module is in use or was asked for; a repository with a
 * thousand drivers does not come as a whole.
 *
 * Only packages of drivers are looked at: a machine's rpm database may have thousands of others, with
 * tools of their own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/asked.h"
#include "modfetch/catalog.h"
#include "modfetch/cleanup.h"
#include "modfetch/kept.h"
#include "modfetch/module-name.h"
#include "modfetch/taken-back.h"
#include "modfetch/update.h"
#include "names.h"

struct search {
	struct mf_context *ctx;
	struct mf_catalog *catalog;
	const struct mf_repos *repos;
	struct mf_pool *pool;
	struct mf_kept kept;
	struct mf_taken_back taken;
	struct mf_asked asked;
	int *other_builds;
	size_t n_other_builds;
	struct mf_updates *updates;
};

static void search_done(struct search *s)
{
	mf_kept_done(&s->kept);
	mf_taken_back_done(&s->taken);
	mf_asked_done(&s->asked);
	free(s->other_builds);
	mf_catalog_free(s->catalog);
}

static void update_done(struct mf_update *update)
{
	free(update->name);
	free(update->installed);
	free(update->evr);
	free(update->label);
	free(update->repo);
	free(update->module);
	free(update->blocked);
}

void mf_updates_done(struct mf_updates *updates)
{
	for (size_t i = 0; i < updates->n; i++)
		update_done(&updates->v[i]);
	free(updates->v);
	*updates = (struct mf_updates){ 0 };
}

/* ---- origin ---- */

static int repo_of_id(const struct search *s, const char *id)
{
	for (size_t i = 0; i < s->repos->n; i++)
		if (s->repos->v[i].enabled && !strcmp(s->repos->v[i].id, id))
			return (int)i;
	return -1;
}

/* The place of its repository; -1: of none that is known. */
static int origin_of(const struct search *s, const char *label)
{
	const struct mf_kept_package *kept = mf_kept_find(&s->kept, label);
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int origin = kept ? repo_of_id(s, kept->repo) : -1;

	if (origin >= 0 || mf_choice_find_label(s->pool, label, &ids, &n) < 0)
		return origin;
	for (size_t i = 0; i < n; i++) {
		struct mf_package p;

		mf_pool_package(s->pool, ids[i], &p);
		if (origin < 0 || p.origin < origin)
			origin = p.origin;
	}
	return origin;
}

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

/*
 * The newest version of an installed package in its repository that is newer than it; one that was
 * taken back counts only if there is no other. 0: none.
 */
static int newest_of(const struct search *s, int installed, const struct mf_package *package,
		     int origin)
{
	_cleanup_free_ int *ids = NULL;
	int best = 0, best_taken = 0;
	size_t n = 0;

	if (mf_choice_find(s->pool, package->name, MF_WHICH_AVAILABLE, &ids, &n) < 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		struct mf_package p;
		int *slot;

		mf_pool_package(s->pool, ids[i], &p);
		if (strcmp(p.name, package->name) || (origin >= 0 && p.origin != origin) ||
		    strcmp(p.arch, package->arch) || is_other_build(s, ids[i]) ||
		    mf_pool_compare(s->pool, ids[i], installed) <= 0)
			continue;
		slot = was_taken_back(s, &p, NULL) ? &best_taken : &best;
		if (!*slot || mf_pool_compare(s->pool, ids[i], *slot) > 0)
			*slot = ids[i];
	}
	return best ? best : best_taken;
}

static int note_update(struct search *s, int id, const char *installed, const char *module)
{
	struct mf_update u = { 0 };
	struct mf_package p;

	mf_pool_package(s->pool, id, &p);
	u = (struct mf_update){
		.name = strdup(p.name),
		.installed = installed ? strdup(installed) : NULL,
		.evr = strdup(p.evr),
		.label = mf_format("%s-%s.%s", p.name, p.evr, p.arch),
		.repo = strdup(s->repos->v[p.origin].id),
		.module = module ? strdup(module) : NULL,
	};
	(void)was_taken_back(s, &p, &u.blocked);
	if (!u.name || !u.evr || !u.label || !u.repo || (installed && !u.installed) ||
	    mf_array_reserve(&s->updates->v, &s->updates->room, s->updates->n + 1, sizeof(u)) < 0) {
		update_done(&u);
		return -ENOMEM;
	}
	s->updates->v[s->updates->n++] = u;
	return 0;
}

/* ---- installed packages ---- */

static int on_module(void *arg, const char *name, const char *evr)
{
	char *module = arg;

	return mf_dep_module(name, module, MF_MODULE_NAME_SIZE) ? 1 : 0;
}

/* The first module that a package provides; "": none. */
static void first_module(const struct search *s, int id, char module[MF_MODULE_NAME_SIZE])
{
	*module = '\0';
	(void)mf_pool_deps(s->pool, id, MF_PROVIDES, on_module, module);
}

static int look_at_installed(struct search *s, int id, const struct mf_strings *names,
			     struct mf_strings *found)
{
	_cleanup_free_ char *label = NULL;
	char module[MF_MODULE_NAME_SIZE];
	struct mf_package package;
	int newer, r;

	if (mf_pool_is_of_other(s->pool, id))
		return 0;
	mf_pool_package(s->pool, id, &package);
	label = mf_format("%s-%s.%s", package.name, package.evr, package.arch);
	if (!label)
		return -ENOMEM;
	first_module(s, id, module);
	if (!*module && !mf_kept_find(&s->kept, label))
		return 0;
	r = update_match_names(s->ctx, s->pool, id, names, found);
	if (r <= 0)
		return r;
	newer = newest_of(s, id, &package, origin_of(s, label));
	return newer ? note_update(s, newer, package.evr, *module ? module : NULL) : 0;
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

/* Notes an installed package as it is. */
static int note_installed(struct search *s, int id)
{
	_cleanup_free_ char *label = NULL;
	char module[MF_MODULE_NAME_SIZE];
	struct mf_update u = { 0 };
	struct mf_package p;
	int origin;

	if (mf_pool_is_of_other(s->pool, id))
		return 0;
	mf_pool_package(s->pool, id, &p);
	label = mf_format("%s-%s.%s", p.name, p.evr, p.arch);
	if (!label)
		return -ENOMEM;
	first_module(s, id, module);
	if (!*module && !mf_kept_find(&s->kept, label))
		return 0;
	origin = origin_of(s, label);
	u = (struct mf_update){
		.name = strdup(p.name),
		.installed = strdup(p.evr),
		.repo = origin < 0 ? NULL : strdup(s->repos->v[origin].id),
		.module = *module ? strdup(module) : NULL,
	};
	if (!u.name || !u.installed ||
	    mf_array_reserve(&s->updates->v, &s->updates->room, s->updates->n + 1, sizeof(u)) < 0) {
		update_done(&u);
		return -ENOMEM;
	}
	s->updates->v[s->updates->n++] = u;
	return 0;
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

/* Is any version of that name installed, or noted already? */
static bool is_known(const struct search *s, const char *name)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;

	for (size_t i = 0; i < s->updates->n; i++)
		if (!strcmp(s->updates->v[i].name, name))
			return true;
	return mf_choice_find(s->pool, name, MF_WHICH_INSTALLED, &ids, &n) < 0 || n;
}

static int look_at_preferred(struct search *s, int id, const struct mf_strings *names,
			     struct mf_strings *found)
{
	struct in_use u = { .s = s };
	struct mf_package p;
	int r;

	if (is_other_build(s, id) || is_known(s, mf_pool_name(s->pool, id)) ||
	    mf_pool_deps(s->pool, id, MF_PROVIDES, on_preferred_module, &u) <= 0)
		return 0;
	r = update_match_names(s->ctx, s->pool, id, names, found);
	if (r <= 0)
		return r;
	mf_pool_package(s->pool, id, &p);
	/* the newest of that name and repository */
	for (size_t i = s->updates->n; i > 0; i--)
		if (!strcmp(s->updates->v[i - 1].name, p.name))
			return 0;
	return note_update(s, id, NULL, u.module);
}

static int newest_first(const void *a, const void *b, void *arg)
{
	return mf_pool_compare(arg, *(const int *)b, *(const int *)a);
}

static int look_at_all_preferred(struct search *s, const struct mf_strings *names,
				 struct mf_strings *found)
{
	int r = 0;

	for (size_t i = 0; !r && i < s->repos->n; i++) {
		_cleanup_free_ int *ids = NULL;
		size_t n = 0;

		if (!s->repos->v[i].prefer || !s->repos->v[i].enabled)
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

static int search_begin(struct search *s)
{
	int r = mf_catalog_open(s->ctx, &s->catalog);

	if (!r)
		r = mf_catalog_pool_whole(s->ctx, s->catalog, &s->pool);
	if (!r)
		r = mf_kept_read(s->ctx, &s->kept);
	if (!r)
		r = mf_taken_back_read(s->ctx, &s->taken);
	if (!r)
		r = mf_asked_read(s->ctx, &s->asked);
	if (r < 0)
		return r;
	s->repos = mf_catalog_repos(s->catalog);
	r = mf_pool_other_builds(s->pool, &s->other_builds, &s->n_other_builds);
	return r < 0 ? mf_fail(s->ctx, MF_STAGE_RESOLVE, r, "updates", NULL) : 0;
}

static int update_by_name(const void *a, const void *b)
{
	return strcmp(((const struct mf_update *)a)->name, ((const struct mf_update *)b)->name);
}

int mf_updates_find(struct mf_context *ctx, const struct mf_strings *names,
		    struct mf_updates *ret_updates)
{
	_cleanup_(mf_updates_done) struct mf_updates updates = { 0 };
	_cleanup_(mf_strings_done) struct mf_strings found = { 0 };
	_cleanup_(search_done) struct search s = { .ctx = ctx, .updates = &updates };
	int r = search_begin(&s);

	if (r < 0)
		return r;
	r = look_at_all_installed(&s, names, &found);
	if (!r)
		r = look_at_all_preferred(&s, names, &found);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_RESOLVE, r, "updates", NULL);
	for (size_t i = 0; names && i < names->n; i++)
		if (!mf_strings_has(&found, names->v[i]))
			return mf_fail(ctx, MF_STAGE_RESOLVE, -MFE_NOT_FOUND, names->v[i],
				       "no installed driver package has this name or module");
	qsort(updates.v, updates.n, sizeof(*updates.v), update_by_name);
	*ret_updates = updates;
	updates = (struct mf_updates){ 0 };
	return 0;
}

int mf_updates_installed(struct mf_context *ctx, struct mf_updates *ret_installed)
{
	_cleanup_(mf_updates_done) struct mf_updates installed = { 0 };
	_cleanup_(search_done) struct search s = { .ctx = ctx, .updates = &installed };
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = search_begin(&s);

	if (r < 0)
		return r;
	r = mf_pool_list(s.pool, MF_POOL_INSTALLED, &ids, &n);
	for (size_t i = 0; !r && i < n; i++)
		r = note_installed(&s, ids[i]);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_RESOLVE, r, "packages", NULL);
	qsort(installed.v, installed.n, sizeof(*installed.v), update_by_name);
	*ret_installed = installed;
	installed = (struct mf_updates){ 0 };
	return 0;
}

/* The patterns of one repository. 0 or -errno. */
static int add_patterns(const struct search *s, int origin, struct mf_strings *names)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = mf_pool_list(s->pool, origin, &ids, &n);

	for (size_t i = 0; !r && i < n; i++) {
		enum mf_asked_kind kind;
		_cleanup_free_ char *name =
			mf_asked_short_name(mf_pool_name(s->pool, ids[i]), s->ctx->kernel, &kind);

		if (!name)
			return -ENOMEM;
		if (kind == MF_ASKED_PATTERN)
			r = mf_strings_add_unique(names, name);
	}
	return r;
}

int mf_updates_patterns(struct mf_context *ctx, struct mf_strings *ret_names)
{
	_cleanup_(search_done) struct search s = { .ctx = ctx };
	int r = search_begin(&s);

	if (r < 0)
		return r;
	for (size_t i = 0; !r && i < s.repos->n; i++)
		r = add_patterns(&s, (int)i, ret_names);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_RESOLVE, r, "patterns", NULL);
	mf_strings_sort(ret_names);
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds the packages that nothing needs any more.
 *
 * Candidates are the packages that modfetch brought, kernels excepted. One is kept if an installed
 * kernel needs one of its modules, by the same list that a new kernel is judged by (needs.c), if its
 * name was asked for, if a rule of the admin holds it, or if a package that is kept requires or recommends it: the packages of other
 * programs are all kept. In doubt a package is kept: a module that is reached over a link counts for
 * the kernel that has the link.
 *
 * A kernel is gone if it is not installed, and a package has modules for it or its directory has
 * indexes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/asked.h"
#include "modfetch/catalog.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/libkmod.h"
#include "modfetch/match.h"
#include "modfetch/mount.h"
#include "modfetch/module-name.h"
#include "modfetch/pipeline.h"
#include "modfetch/rules.h"
#include "modfetch/upkeep.h"
#include "brought.h"
#include "needs.h"

struct sweep {
	struct mf_context *ctx;
	struct brought brought;
	struct mf_strings kernels; /* installed */
	bool *kept;		   /* for each package */
	struct mf_catalog *catalog;
	struct mf_pool *pool;
	int *ids;  /* of each package in the pool, or 0 */
	bool more; /* the last round kept another one */
};

static void sweep_done(struct sweep *s)
{
	upkeep_brought_done(&s->brought);
	mf_strings_done(&s->kernels);
	free(s->kept);
	free(s->ids);
	mf_catalog_free(s->catalog);
}

void mf_unneeded_done(struct mf_unneeded *unneeded)
{
	mf_strings_done(&unneeded->kernels);
	mf_strings_done(&unneeded->labels);
	mf_strings_done(&unneeded->names);
	mf_strings_done(&unneeded->of_kernels);
}

static void sweep_keep(struct sweep *s, size_t i)
{
	s->more |= !s->kept[i];
	s->kept[i] = true;
}

/* ---- what a kernel needs ---- */

/* Keeps the packages of a module: in the directory of KERNEL, or in TARGETS, to which it has links. */
static void keep_module(struct sweep *s, const char *kernel, const char *module,
			const struct mf_strings *targets)
{
	for (size_t i = 0; i < s->brought.n; i++) {
		const struct brought_package *package = &s->brought.v[i];

		for (size_t k = 0; k < package->files.n; k++) {
			const char *path = package->files.v[k];
			const char *below = path + strlen("/lib/modules/");
			size_t len = strlen(kernel);
			char name[MF_MODULE_NAME_SIZE];

			if (!mf_module_name(path, name, sizeof(name)) || strcmp(name, module) != 0)
				continue;
			if ((!strncmp(below, kernel, len) && below[len] == '/') ||
			    mf_strings_has(targets, path))
				sweep_keep(s, i);
		}
	}
}

/* Keeps the packages whose names were asked for. 0 or -ENOMEM. */
static int keep_names(struct sweep *s, const char *kernel, const struct mf_strings *names)
{
	for (size_t i = 0; names->n && i < s->brought.n; i++) {
		enum mf_asked_kind kind;
		_cleanup_free_ char *name =
			mf_asked_short_name(s->brought.v[i].name, kernel, &kind);

		if (!name)
			return -ENOMEM;
		if (mf_strings_has(names, name))
			sweep_keep(s, i);
	}
	return 0;
}

static int match_needs(struct mf_context *ctx, struct needs *needs)
{
	struct mf_policy *policy = NULL;
	struct mf_kmod *kmod = NULL;
	int r = mf_kmod_new(ctx, &kmod);

	if (!r)
		r = mf_policy_new(ctx, kmod, &policy);
	if (!r)
		r = mf_match(ctx, NULL, kmod, policy, needs->wants.v, needs->wants.n);
	mf_policy_free(policy);
	mf_kmod_free(kmod);
	return r;
}

/* What reads a driver medium cannot come from one: it stays if it is on disk. 0 or -ENOMEM. */
static int add_media_modules(struct mf_context *ctx, struct needs *needs)
{
	_cleanup_(mf_strings_done) struct mf_strings modules = { 0 };
	int r = mf_media_modules(ctx, true, &modules);

	/* whatever the character set of the kernel is, and images on the medium */
	if (!r)
		r = mf_strings_split(&modules, "nls_ascii nls_iso8859_1 loop");
	for (size_t i = 0; !r && i < modules.n; i++)
		r = upkeep_needs_add(ctx, needs, modules.v[i], false, false,
				     "a driver medium is read with it");
	return r;
}

static int keep_for_kernel(struct sweep *s, const char *kernel)
{
	_cleanup_(mf_strings_done) struct mf_strings targets = { 0 }, users = { 0 };
	_cleanup_(upkeep_needs_done) struct needs needs = { 0 };
	struct mf_context other = mf_context_for_kernel(s->ctx, kernel);
	int r;

	r = upkeep_collect(&other, &needs);
	if (!r)
		r = add_media_modules(&other, &needs);
	if (!r)
		r = match_needs(&other, &needs);
	if (!r)
		r = upkeep_link_targets(&other, NULL, &targets, &users);
	for (size_t i = 0; !r && i < needs.n; i++)
		for (size_t j = 0; j < needs.wants.v[i].n_matches; j++)
			if (needs.wants.v[i].matches[j].on_disk)
				keep_module(s, kernel, needs.wants.v[i].matches[j].module,
					    &targets);
	if (r < 0) {
		s->ctx->failure = other.failure;
		return r;
	}
	r = keep_names(s, kernel, &needs.names);
	return r < 0 ? mf_fail(s->ctx, MF_STAGE_KERNEL, r, kernel, NULL) : 0;
}

/* ---- what packages need ---- */

static int open_pool(struct sweep *s)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = mf_catalog_open(s->ctx, &s->catalog);

	if (!r)
		r = mf_catalog_pool_removal(s->ctx, s->catalog, &s->pool);
	if (r < 0)
		return r;
	s->ids = calloc(s->brought.n + 1, sizeof(*s->ids));
	if (!s->ids || mf_pool_list(s->pool, MF_POOL_INSTALLED, &ids, &n) < 0)
		return mf_fail(s->ctx, MF_STAGE_KERNEL, -ENOMEM, "packages", NULL);
	for (size_t i = 0; i < n; i++) {
		struct mf_package package;
		_cleanup_free_ char *label = NULL;

		mf_pool_package(s->pool, ids[i], &package);
		label = mf_package_label(&package);
		if (!label)
			return mf_fail(s->ctx, MF_STAGE_KERNEL, -ENOMEM, "packages", NULL);
		for (size_t j = 0; j < s->brought.n; j++)
			if (!strcmp(s->brought.v[j].label, label))
				s->ids[j] = ids[i];
	}
	return 0;
}

static int on_need(void *arg, const char *need, const int *ids, size_t n)
{
	struct sweep *s = arg;

	(void)need;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < s->brought.n; j++)
			if (s->ids[j] == ids[i])
				sweep_keep(s, j);
	return 0;
}

/* Keeps what the kept packages require and recommend, until there is nothing more. */
static int keep_needed(struct sweep *s)
{
	_cleanup_free_ bool *asked = calloc(s->brought.n + 1, sizeof(*asked));
	int r = asked ? 0 : -ENOMEM;

	do {
		s->more = false;
		for (size_t i = 0; !r && i < s->brought.n; i++) {
			if (!s->kept[i] || asked[i] || !s->ids[i])
				continue;
			asked[i] = true;
			r = mf_pool_needs(s->pool, s->ids[i], MF_REQUIRES, on_need, s);
			if (!r)
				r = mf_pool_needs(s->pool, s->ids[i], MF_RECOMMENDS, on_need, s);
			if (!r && s->ctx->settings.thorough)
				r = mf_pool_needs(s->pool, s->ids[i], MF_SUGGESTS, on_need, s);
		}
	} while (!r && s->more);
	return r < 0 ? mf_fail(s->ctx, MF_STAGE_KERNEL, r, "packages", NULL) : 0;
}

/* ---- kernels that are gone ---- */

static bool has_indexes(const struct mf_context *ctx, const char *kernel)
{
	static const char *const names[] = { "modules.modfetch", "modules.dep" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path = mf_kernel_path(kernel, names[i]);
		_cleanup_close_ int fd = path ? mf_context_open(ctx, path, O_PATH) : -1;

		if (fd >= 0)
			return true;
	}
	return false;
}

static int add_gone_directories(struct sweep *s, struct mf_strings *gone)
{
	_cleanup_close_ int fd = mf_context_open(s->ctx, "lib/modules", O_RDONLY | O_DIRECTORY);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : mf_opendir(fd);
	struct dirent *d;
	int r = 0;

	while (!r && dir && (d = readdir(dir)))
		if (mf_is_plain_name(d->d_name) && !mf_strings_has(&s->kernels, d->d_name) &&
		    has_indexes(s->ctx, d->d_name))
			r = mf_strings_add_unique(gone, d->d_name);
	return r;
}

static int find_gone(struct sweep *s, struct mf_strings *gone)
{
	int r = add_gone_directories(s, gone);

	for (size_t i = 0; !r && i < s->brought.n; i++) {
		const struct brought_package *package = &s->brought.v[i];

		/* a module that another kernel has as a link keeps its package, and its kernel's directory */
		if (package->brought && !package->kernel && package->kernels.n == 1 &&
		    !s->kept[i] && !mf_strings_has(&s->kernels, package->kernels.v[0]))
			r = mf_strings_add_unique(gone, package->kernels.v[0]);
	}
	mf_strings_sort(gone);
	return r;
}

/* ---- all ---- */

static int report(struct sweep *s, struct mf_unneeded *ret)
{
	int r = find_gone(s, &ret->kernels);

	for (size_t i = 0; !r && i < s->brought.n; i++) {
		const struct brought_package *package = &s->brought.v[i];
		const char *kernel = package->kernels.n ? package->kernels.v[0] : s->ctx->kernel;

		if (s->kept[i] || mf_strings_has(&ret->kernels, kernel))
			continue;
		r = mf_strings_add(&ret->labels, package->label);
		if (!r)
			r = mf_strings_add(&ret->names, package->name);
		if (!r)
			r = mf_strings_add(&ret->of_kernels, kernel);
	}
	return r < 0 ? mf_fail(s->ctx, MF_STAGE_KERNEL, r, "packages", NULL) : 0;
}

/* Does a rule of policy.d hold the package? */
static bool is_held(const struct mf_rules *rules, const struct brought_package *package)
{
	struct mf_facts facts = { .package = package->name };
	bool held = mf_rules_find(rules, MF_RULE_HOLD, &facts);

	for (size_t i = 0; !held && i < package->files.n; i++) {
		char name[MF_MODULE_NAME_SIZE];

		facts.module = name;
		held = mf_module_name(package->files.v[i], name, sizeof(name)) &&
		       mf_rules_find(rules, MF_RULE_HOLD, &facts);
	}
	return held;
}

/* Keeps the packages that are none of ours to remove. 0 or a recorded failure. */
static int keep_decided(struct sweep *s)
{
	struct mf_rules *rules = NULL;
	int r = mf_rules_read(s->ctx, &rules);

	for (size_t i = 0; !r && i < s->brought.n; i++) {
		const struct brought_package *package = &s->brought.v[i];

		s->kept[i] = !package->brought || package->kernel || is_held(rules, package);
	}
	mf_rules_free(rules);
	return r;
}

static int sweep_start(struct sweep *s)
{
	int r = mf_kernels_list(s->ctx, &s->kernels);

	if (r < 0)
		return mf_fail(s->ctx, MF_STAGE_KERNEL, r, "/lib/modules", NULL);
	r = upkeep_brought_read(s->ctx, &s->brought);
	if (r < 0)
		return r;
	s->kept = calloc(s->brought.n + 1, sizeof(*s->kept));
	if (!s->kept)
		return mf_fail(s->ctx, MF_STAGE_KERNEL, -ENOMEM, "packages", NULL);
	r = keep_decided(s);
	return r < 0 ? r : open_pool(s);
}

int mf_unneeded_find(struct mf_context *ctx, struct mf_unneeded *ret_unneeded)
{
	_cleanup_(mf_unneeded_done) struct mf_unneeded unneeded = { 0 };
	_cleanup_(sweep_done) struct sweep s = { .ctx = ctx };
	int r = sweep_start(&s);

	for (size_t i = 0; !r && i < s.kernels.n; i++)
		r = keep_for_kernel(&s, s.kernels.v[i]);
	if (!r)
		r = keep_needed(&s);
	if (!r)
		r = report(&s, &unneeded);
	if (r < 0)
		return r;
	*ret_unneeded = unneeded;
	unneeded = (struct mf_unneeded){ 0 };
	return 0;
}

/* Removes the packages for KERNEL. 0, or a recorded failure. */
static int remove_for(struct mf_context *ctx, const struct mf_unneeded *unneeded,
		      const char *kernel, struct mf_strings *done)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "autoremove",
						     .selection.remove = &names,
						     .no_load = true };
	struct mf_context other = mf_context_for_kernel(ctx, kernel);
	int r = 0;

	for (size_t i = 0; !r && i < unneeded->names.n; i++)
		if (!strcmp(unneeded->of_kernels.v[i], kernel))
			r = mf_strings_add_unique(&names, unneeded->names.v[i]);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_KERNEL, r, kernel, NULL);
	r = mf_pipeline_run(&other, &run);
	ctx->helper = other.helper;
	ctx->failure = r < 0 ? other.failure : ctx->failure;
	for (size_t i = 0; r >= 0 && i < run.plan.erase.n; i++) {
		_cleanup_free_ char *line =
			mf_format("removed the package %s", run.plan.erase.v[i]);

		r = line ? mf_strings_add(done, line) : -ENOMEM;
	}
	return r < 0 ? r : 0;
}

int mf_unneeded_remove(struct mf_context *ctx, const struct mf_unneeded *unneeded,
		       struct mf_strings *ret_done)
{
	int worst = 0, r;

	for (size_t i = 0; i < unneeded->kernels.n; i++) {
		struct mf_context other = mf_context_for_kernel(ctx, unneeded->kernels.v[i]);

		r = mf_kernel_removed(&other, ret_done);
		ctx->failure = r < 0 ? other.failure : ctx->failure;
		worst = r < 0 ? r : worst;
	}
	for (size_t i = 0; i < unneeded->of_kernels.n; i++) {
		const char *kernel = unneeded->of_kernels.v[i];
		size_t first = 0;

		while (strcmp(unneeded->of_kernels.v[first], kernel) != 0)
			first++;
		r = first == i ? remove_for(ctx, unneeded, kernel, ret_done) : 0;
		worst = r < 0 ? r : worst;
	}
	return worst;
}

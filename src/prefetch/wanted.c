/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the words of prefetch= mean: modules, which are then planned for as a device would be.
 *
 * A class ("network") is the pattern of the repositories for this kernel, and means the modules of its
 * members and of what they recommend. The drivers of a repository without any pattern say nowhere of
 * which class they are: all of them belong to each class, and prefetch-size= bounds what comes of it. A
 * word that is no class is the name of a package, whose modules or members it means; or of a module; or
 * an alias. Policy, blacklists and what is installed are not looked at here, but when the plan is made.
 *
 * The modules of a word are sorted, so that what does not fit into the limit is always the same.
 */
#include "wanted.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "modfetch/release.h"
#include "modfetch/resolve.h"
#include "modfetch/solv.h"

#define HOTPLUG "hotplug"

static const struct {
	const char *word;
	const char *stem; /* of the pattern */
	bool drivers;	  /* of devices: so a repository without patterns may have some */
} classes[] = {
	{ "network", "kernel-network-driver-all", true },
	{ "wireless", "kernel-wireless-driver-all", true },
	{ "bluetooth", "kernel-bluetooth-driver-all", true },
	{ "storage", "kernel-storage-driver-all", true },
	{ "usb", "kernel-usb-driver-all", true },
	{ "graphics", "kernel-drm-driver-all", true },
	{ "sound", "kernel-sound-driver-all", true },
	{ "media", "kernel-media-driver-all", true },
	{ "input", "kernel-input-driver-all", true },
	{ "platform", "kernel-platform-driver-all", true },
	{ "filesystem", "kernel-filesystem-all", false },
	{ "netfilter", "kernel-netfilter-all", false },
	{ "crypto", "kernel-crypto-all", false },
	{ "virt", "kernel-virt-driver-all", true },
	{ "base", "kernel-base-driver-all", false },
};

const char *mf_prefetch_class(size_t i)
{
	return i < MF_ARRAY_SIZE(classes)    ? classes[i].word
	       : i == MF_ARRAY_SIZE(classes) ? HOTPLUG
					     : NULL;
}

void prefetch_wanted_done(struct wanted *wanted)
{
	mf_strings_done(&wanted->queries);
	mf_strings_done(&wanted->words);
	mf_strings_done(&wanted->packages);
	mf_strings_done(&wanted->package_words);
	mf_strings_done(&wanted->no_driver);
}

struct collecting {
	struct mf_context *ctx;
	struct mf_catalog *catalog;
	struct mf_pool *pool;
	struct mf_wants seen; /* knows fast what is wanted already */
	struct wanted *wanted;
	struct mf_strings found; /* modules for the current word */
	bool *has_patterns;	 /* each repository */
	int depth;
};

/* ---- packages ---- */

static int on_provide(void *arg, const char *name, const char *evr)
{
	struct collecting *c = arg;
	char module[MF_MODULE_NAME_SIZE];

	(void)evr;
	return mf_dep_module(name, module, sizeof(module)) ? mf_strings_add(&c->found, module) : 0;
}

static int on_member(void *arg, const char *need, const int *ids, size_t n)
{
	struct collecting *c = arg;
	int r = 0;

	(void)need;
	for (size_t i = 0; !r && i < n; i++)
		r = mf_pool_deps(c->pool, ids[i], MF_PROVIDES, on_provide, c);
	return r;
}

/* Adds the modules of a package, or of the members of a pattern. */
static int add_package(struct collecting *c, int id)
{
	size_t before = c->found.n;
	int r = mf_pool_deps(c->pool, id, MF_PROVIDES, on_provide, c);

	if (r < 0 || c->found.n > before)
		return r;
	r = mf_pool_needs(c->pool, id, MF_REQUIRES, on_member, c);
	return r < 0 ? r : mf_pool_needs(c->pool, id, MF_RECOMMENDS, on_member, c);
}

/* ---- classes ---- */

/* Adds the members of a pattern of this kernel. 0 or -ENOMEM. */
static int add_pattern(struct collecting *c, const char *stem)
{
	struct mf_release release;
	_cleanup_free_ char *name = NULL;
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r;

	if (mf_release_parse(c->ctx->kernel, NULL, &release) < 0)
		return 0;
	name = mf_format("%s-%s-%s", stem, release.flavor, release.abi);
	r = name ? mf_pool_providers(c->pool, name, NULL, &ids, &n) : -ENOMEM;
	for (size_t i = 0; !r && i < n; i++)
		if (!strcmp(mf_pool_name(c->pool, ids[i]), name))
			r = add_package(c, ids[i]);
	return r;
}

static int on_module(void *arg, const char *module, const char *package, size_t repo)
{
	struct collecting *c = arg;

	(void)package;
	return c->has_patterns[repo] ? 0 : mf_strings_add(&c->found, module);
}

static int add_class(struct collecting *c, size_t i)
{
	int r = add_pattern(c, classes[i].stem);

	return r < 0 || !classes[i].drivers ? r : mf_catalog_each_module(c->catalog, on_module, c);
}

/* Which repositories have patterns, of whatever kernel? 0 or -ENOMEM. */
static int find_patterns(struct collecting *c)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = mf_pool_providers(c->pool, "pattern()", NULL, &ids, &n);

	for (size_t i = 0; !r && i < n; i++) {
		struct mf_package package;

		mf_pool_package(c->pool, ids[i], &package);
		if (package.origin >= 0 && (size_t)package.origin < mf_catalog_repos(c->catalog)->n)
			c->has_patterns[package.origin] = true;
	}
	return r;
}

/* ---- names ---- */

static int on_any(void *arg, const char *pattern, const char *value, size_t repo)
{
	(void)arg;
	(void)pattern;
	(void)value;
	(void)repo;
	return 1;
}

/* Adds what a package of a repository called WORD means. 1: there is none; 0; or -ENOMEM. */
static int add_named_package(struct collecting *c, const char *word)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0, before = c->found.n;
	int r = mf_choice_find(c->pool, word, MF_WHICH_AVAILABLE, &ids, &n);

	for (size_t i = 0; !r && i < n; i++) {
		const char *name = mf_pool_name(c->pool, ids[i]);

		r = add_package(c, ids[i]);
		if (r || c->found.n > before)
			continue;
		r = mf_strings_add(&c->wanted->packages, name);
		if (!r)
			r = mf_strings_add(&c->wanted->package_words, word);
		break;
	}
	return r < 0 ? r : !n;
}

static int add_name(struct collecting *c, const char *word)
{
	char module[MF_MODULE_NAME_SIZE];
	int r = 0;

	if (mf_module_name(word, module, sizeof(module)))
		r = mf_catalog_module(c->catalog, module, on_any, NULL);
	if (!r)
		r = mf_catalog_aliases(c->catalog, word, on_any, NULL);
	if (r)
		return r < 0 ? r : mf_strings_add(&c->found, word);
	r = add_named_package(c, word);
	return r < 0 ? r : 0;
}

/* ---- all ---- */

/* Adds what was found for a word, in order. 0 or -ENOMEM. */
static int take_found(struct collecting *c, const char *word)
{
	int r = 0;

	mf_strings_sort(&c->found);
	for (size_t i = 0; !r && i < c->found.n; i++) {
		size_t before = c->seen.n;
		struct mf_want want;

		r = mf_want_init_any(c->ctx, c->found.v[i], NULL, &want);
		if (r < 0)
			break;
		if (want.kind == MF_WANT_BAD) {
			mf_want_done(&want);
			continue;
		}
		r = mf_wants_add(&c->seen, &want);
		if (r < 0)
			mf_want_done(&want);
		if (r < 0 || c->seen.n == before)
			continue;
		r = mf_strings_add(&c->wanted->queries, c->found.v[i]);
		if (!r)
			r = mf_strings_add(&c->wanted->words, word);
	}
	return r;
}

static int collect_word(struct collecting *c, const char *word)
{
	size_t packages = c->wanted->packages.n, i = 0;
	int r;

	mf_strings_done(&c->found);
	while (i < MF_ARRAY_SIZE(classes) && strcmp(word, classes[i].word) != 0)
		i++;
	if (i < MF_ARRAY_SIZE(classes))
		r = add_class(c, i);
	else if (!strcmp(word, HOTPLUG))
		r = prefetch_hotplug(c->ctx, c->catalog, &c->found);
	else
		r = add_name(c, word);
	if (!r && !c->found.n && c->wanted->packages.n == packages)
		r = mf_strings_add_unique(&c->wanted->no_driver, word);
	return r < 0 ? r : take_found(c, word);
}

int prefetch_wanted_collect(struct mf_context *ctx, struct mf_catalog *catalog,
			    const struct mf_strings *words, struct wanted *ret_wanted)
{
	_cleanup_(prefetch_wanted_done) struct wanted wanted = { 0 };
	struct collecting c = { .ctx = ctx, .catalog = catalog, .wanted = &wanted };
	int r = mf_catalog_pool_whole(ctx, catalog, &c.pool);

	if (r < 0)
		return r;
	c.has_patterns = calloc(mf_catalog_repos(catalog)->n + 1, sizeof(*c.has_patterns));
	r = c.has_patterns ? find_patterns(&c) : -ENOMEM;
	for (size_t i = 0; !r && i < words->n; i++)
		r = collect_word(&c, words->v[i]);
	free(c.has_patterns);
	mf_wants_done(&c.seen);
	mf_strings_done(&c.found);
	if (r < 0)
		return ctx->failure.code == r ? r
					      : mf_fail(ctx, MF_STAGE_RESOLVE, r, "prefetch", NULL);
	*ret_wanted = wanted;
	wanted = (struct wanted){ 0 };
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Brings the prefetched packages of one kernel up to date.
 *
 * The limit is for all kernels together. The running kernel gets all of it, and what is there for other
 * kernels goes if need be; another kernel gets what the others leave. A package that is on this machine, be it kept
 * or prefetched, is read completely, so that a damaged file is replaced while there is a network.
 * After a failure nothing is dropped: an old package may still be of use with the metadata of its time.
 *
 * Metadata is fetched only if there is none. What is fetched is trusted as in any run: the metadata's
 * signature, its age, and the digest in it.
 */
#include "modfetch/prefetch.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/kept.h"
#include "modfetch/prefetched.h"
#include "modfetch/refresh.h"
#include "wanted.h"

const char *mf_prefetch_state_name(enum mf_prefetch_state state)
{
	switch (state) {
	case MF_PREFETCH_MISSING:
		return "missing";
	case MF_PREFETCH_THERE:
		return "there";
	case MF_PREFETCH_FETCHED:
		return "fetched";
	}
	return NULL;
}

void mf_prefetch_done(struct mf_prefetch *prefetch)
{
	for (size_t i = 0; i < prefetch->n; i++) {
		struct mf_prefetch_package *p = &prefetch->v[i];

		free(p->name);
		free(p->evr);
		free(p->arch);
		free(p->label);
		free(p->repo);
		free(p->words);
	}
	free(prefetch->v);
	mf_strings_done(&prefetch->left_out);
	mf_strings_done(&prefetch->no_driver);
	*prefetch = (struct mf_prefetch){ 0 };
}

/* ---- the packages of the plan ---- */

/* The word that a package came for; of one that several need, the first. */
static const char *word_of(const struct wanted *wanted, const struct mf_plan_item *item)
{
	for (size_t i = 0; item->asker && i < wanted->queries.n; i++)
		if (!strcmp(item->asker->query, wanted->queries.v[i]))
			return wanted->words.v[i];
	for (size_t i = 0; !item->asker && i < wanted->packages.n; i++)
		if (!strcmp(item->name, wanted->packages.v[i]))
			return wanted->package_words.v[i];
	return "-";
}

static enum mf_prefetch_state find_state(const struct mf_context *ctx,
					 const struct mf_prefetch_package *p)
{
	struct mf_kept_package package = { .size = p->size, .name = p->name, .label = p->label };

	memcpy(package.sha256, p->sha256, sizeof(package.sha256));
	return mf_kept_is_intact(ctx, &package) ? MF_PREFETCH_THERE : MF_PREFETCH_MISSING;
}

static int list_packages(struct mf_context *ctx, const struct wanted *wanted,
			 const struct mf_run *run, struct mf_prefetch *prefetch)
{
	prefetch->v = calloc(run->plan.n + 1, sizeof(*prefetch->v));
	for (size_t i = 0; prefetch->v && i < run->plan.n; i++) {
		const struct mf_plan_item *item = &run->plan.items[i];
		struct mf_prefetch_package *p = &prefetch->v[prefetch->n++];

		*p = (struct mf_prefetch_package){
			.name = strdup(item->name),
			.evr = strdup(item->evr),
			.arch = strdup(item->arch),
			.label = mf_plan_item_label(item),
			.repo = strdup(mf_catalog_repos(run->catalog)->v[item->repo].id),
			.words = strdup(word_of(wanted, item)),
			.size = item->size,
		};
		memcpy(p->sha256, item->sha256, sizeof(p->sha256));
		if (!p->name || !p->evr || !p->arch || !p->label || !p->repo || !p->words)
			return mf_fail(ctx, MF_STAGE_RESOLVE, -ENOMEM, "prefetch", NULL);
		p->state = find_state(ctx, p);
		prefetch->n_missing += p->state == MF_PREFETCH_MISSING;
		prefetch->bytes += p->size;
	}
	return prefetch->v ? 0 : mf_fail(ctx, MF_STAGE_RESOLVE, -ENOMEM, "prefetch", NULL);
}

/* ---- the limit ---- */

/* The bytes that this kernel may have. */
static int find_limit(struct mf_context *ctx, uint64_t *ret_limit)
{
	_cleanup_(mf_kept_done) struct mf_kept kept = { 0 };
	uint64_t others = 0, limit = ctx->settings.prefetch_size;
	int r = mf_prefetched_read(ctx, &kept);

	if (r < 0)
		return r;
	for (size_t i = 0; i < kept.n && !ctx->kernel_running; i++)
		if (!mf_prefetched_is_for(&kept.v[i], ctx->kernel))
			others += kept.v[i].size;
	*ret_limit = others < limit ? limit - others : 0;
	return 0;
}

/* ---- the list ---- */

/* The packages in the form of the list; new memory. NULL: no memory, recorded. */
static struct mf_prefetched_new *list_entries(struct mf_context *ctx,
					      const struct mf_prefetch *prefetch)
{
	struct mf_prefetched_new *entries = calloc(prefetch->n + 1, sizeof(*entries));

	if (!entries)
		(void)mf_fail(ctx, MF_STAGE_INSTALL, -ENOMEM, "prefetch", NULL);
	for (size_t i = 0; entries && i < prefetch->n; i++) {
		const struct mf_prefetch_package *p = &prefetch->v[i];

		entries[i] = (struct mf_prefetched_new){ -1,	   p->name,   p->label, p->repo,
							 p->words, p->sha256, p->size };
	}
	return entries;
}

/*
 * Puts what is there into the list: before anything is fetched, since a file that no list has is
 * deleted with the next change; and at the END, when what is not wanted any more is dropped.
 */
static int settle(struct mf_context *ctx, struct mf_prefetch *prefetch, bool end)
{
	_cleanup_free_ struct mf_prefetched_new *entries = list_entries(ctx, prefetch);
	_cleanup_close_ int lock = entries ? mf_lock(ctx) : -1;
	int r;

	if (!entries)
		return -ENOMEM;
	r = lock < 0 ? lock : mf_prefetched_add(ctx, ctx->kernel, entries, prefetch->n);
	return r < 0 || !end ? r
			     : mf_prefetched_settle(ctx, ctx->kernel, entries, prefetch->n,
						    &prefetch->dropped);
}

/* ---- all ---- */

static int open_catalog(struct mf_context *ctx, bool plan_only, struct mf_catalog **ret_catalog)
{
	int r = mf_catalog_open(ctx, ret_catalog);

	if (r != -MFE_NO_METADATA || plan_only)
		return r;
	{
		_cleanup_close_ int lock = mf_lock(ctx);

		r = lock < 0 ? lock : mf_refresh_all(ctx, NULL, false, NULL);
	}
	return r < 0 ? r : mf_catalog_open(ctx, ret_catalog);
}

static int collect(struct mf_context *ctx, bool plan_only, struct wanted *ret_wanted)
{
	_cleanup_(mf_strings_done) struct mf_strings words = { 0 };
	struct mf_catalog *catalog = NULL;
	int r = open_catalog(ctx, plan_only, &catalog);

	if (!r && mf_strings_split(&words, ctx->settings.prefetch) < 0)
		r = mf_fail(ctx, MF_STAGE_RESOLVE, -ENOMEM, "prefetch", NULL);
	if (!r)
		r = prefetch_wanted_collect(ctx, catalog, &words, ret_wanted);
	mf_catalog_free(catalog);
	return r;
}

/* As mf_prefetch(), with the words in WANTED. */
static int prefetch_wanted(struct mf_context *ctx, bool plan_only, struct wanted *wanted,
			   struct mf_prefetch *prefetch)
{
	_cleanup_(mf_run_done) struct mf_run run = { 0 };
	uint64_t limit;
	int r = find_limit(ctx, &limit);

	prefetch->no_driver = wanted->no_driver;
	wanted->no_driver = (struct mf_strings){ 0 };
	if (!r)
		r = prefetch_plan(ctx, wanted, limit, &run, &prefetch->left_out);
	if (r >= 0)
		r = list_packages(ctx, wanted, &run, prefetch);
	for (size_t i = 0; i < run.wants.n; i++)
		prefetch->n_drivers += run.wants.v[i].state == MF_AVAILABLE;
	if (r < 0 || plan_only)
		return r < 0 ? r : !prefetch->n_missing;
	r = prefetch->n_missing ? settle(ctx, prefetch, false) : 0;
	if (!r && prefetch->n_missing)
		r = prefetch_bring(ctx, &run, prefetch);
	if (!r)
		r = settle(ctx, prefetch, true);
	return r < 0 ? r : !prefetch->n_fetched && !prefetch->dropped;
}

int mf_prefetch(struct mf_context *ctx, bool plan_only, struct mf_prefetch *ret_prefetch)
{
	_cleanup_(prefetch_wanted_done) struct wanted wanted = { 0 };
	int r;

	if (!ctx->settings.prefetch || !*ctx->settings.prefetch) {
		r = plan_only ? 0 : mf_prefetch_remove(ctx, &ret_prefetch->dropped);
		return r < 0 ? r : !ret_prefetch->dropped;
	}
	r = collect(ctx, plan_only, &wanted);
	return r < 0 ? r : prefetch_wanted(ctx, plan_only, &wanted, ret_prefetch);
}

int mf_prefetch_remove(struct mf_context *ctx, size_t *ret_dropped)
{
	_cleanup_(mf_kept_done) struct mf_kept kept = { 0 };
	_cleanup_close_ int lock = -1;
	int r = mf_prefetched_read(ctx, &kept);

	if (r < 0 || !kept.n)
		return r;
	lock = mf_lock(ctx);
	return lock < 0 ? lock : mf_prefetched_clear(ctx, ret_dropped);
}

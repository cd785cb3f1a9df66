/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Gets the packages of a plan: from the files of this machine, from other machines, and the rest all at
 * once, each from the mirrors of its repository, with the
 * size and the digest of the signed metadata. It trusts neither a mirror nor the helper: what came is
 * only compared with that digest here, so that another mirror can be tried. The verify stage decides.
 */
#include "modfetch/pipeline.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "peers.h"
#include "stored-step.h"

/* The URLs of a package: those of its repository, or the one that the metadata names. */
static int find_place(struct mf_context *ctx, const struct mf_repo *repo,
		      const struct mf_plan_item *item, struct mf_strings *other,
		      const struct mf_strings **ret_mirrors)
{
	const char *fault;
	size_t len;

	*ret_mirrors = &repo->baseurls;
	if (!item->base)
		return 0;
	fault = mf_base_fault(item->base, &repo->baseurls);
	if (!fault && repo->trust == MF_TRUST_NONE && !mf_starts_with(item->base, "file:"))
		fault = "trust=none is for file: only";
	if (fault)
		return mf_fail(ctx, MF_STAGE_FETCH, -MFE_BAD_HREF, item->name,
			       "its xml:base in the metadata of %s is %s: %s; report it to the "
			       "publisher",
			       repo->id, item->base, fault);
	len = strlen(item->base);
	while (len && item->base[len - 1] == '/')
		len--;
	*ret_mirrors = other;
	if (mf_strings_addn(other, item->base, len) < 0)
		return mf_fail(ctx, MF_STAGE_FETCH, -ENOMEM, "plan", NULL);
	return 0;
}

/* The packages that have to come from repositories. */
struct rest {
	struct mf_fetch_request *requests;
	struct mf_fetched *fetched;
	struct mf_strings *others; /* places that the metadata names */
	size_t *items;		   /* of each: the index in the plan */
	size_t n;
};

static void rest_done(struct rest *rest)
{
	for (size_t i = 0; rest->others && i < rest->n; i++)
		mf_strings_done(&rest->others[i]);
	free(rest->others);
	free(rest->requests);
	free(rest->fetched);
	free(rest->items);
}

static int rest_add(struct mf_context *ctx, const struct mf_repos *repos, const struct mf_run *run,
		    size_t i, struct rest *rest)
{
	const struct mf_plan_item *item = &run->plan.items[i];
	const struct mf_repo *repo = &repos->v[item->repo];
	size_t n = rest->n++;

	/* the plan counted on a file of this machine */
	if (run->unreachable && mf_strings_has(run->unreachable, repo->id))
		return mf_fail(ctx, MF_STAGE_FETCH, -MFE_UNREACHABLE, repo->id,
			       "this repository could not be reached a moment ago");
	rest->items[n] = i;
	rest->fetched[n].fd = -1;
	rest->requests[n] = (struct mf_fetch_request){
		.path = item->location,
		.label = item->name,
		.access = &repo->access,
		.size = item->size,
		.sha256 = item->sha256,
		.max_size = ctx->settings.max_package,
	};
	return find_place(ctx, repo, item, &rest->others[n], &rest->requests[n].mirrors);
}

static int fetch_rest(struct mf_context *ctx, const struct mf_repos *repos,
		      const struct mf_run *run, struct mf_fetched *fetched)
{
	_cleanup_(rest_done) struct rest rest = {
		.requests = calloc(run->plan.n + 1, sizeof(*rest.requests)),
		.fetched = calloc(run->plan.n + 1, sizeof(*rest.fetched)),
		.others = calloc(run->plan.n + 1, sizeof(*rest.others)),
		.items = calloc(run->plan.n + 1, sizeof(*rest.items)),
	};
	int r = 0;

	if (!rest.requests || !rest.fetched || !rest.others || !rest.items)
		return mf_fail(ctx, MF_STAGE_FETCH, -ENOMEM, "plan", NULL);
	for (size_t i = 0; !r && i < run->plan.n; i++)
		if (fetched[i].fd < 0)
			r = rest_add(ctx, repos, run, i, &rest);
	if (!r && rest.n)
		r = mf_fetch(ctx, rest.requests, rest.n, rest.fetched);
	for (size_t i = 0; i < rest.n; i++)
		fetched[rest.items[i]] = rest.fetched[i];
	return r;
}

int mf_download(struct mf_context *ctx, const struct mf_repos *repos, struct mf_run *run,
		struct mf_fetched *ret_fetched)
{
	bool complete = true;
	int r = 0;

	for (size_t i = 0; i < run->plan.n; i++)
		ret_fetched[i].fd = -1;
	for (size_t i = 0; r >= 0 && i < run->plan.n; i++) {
		if (run->plan.items[i].taken_from == MF_TAKEN_FROM_STORE)
			r = mf_stored_take(ctx, &run->plan.items[i], &ret_fetched[i]);
		complete &= ret_fetched[i].fd >= 0;
	}
	if (r < 0 || complete)
		return r < 0 ? r : 0;
	mf_peers_fetch(ctx, run, ret_fetched);
	r = fetch_rest(ctx, repos, run, ret_fetched);
	return r < 0 ? mf_fault_set_from_fetch(run, ret_fetched, r) : 0;
}

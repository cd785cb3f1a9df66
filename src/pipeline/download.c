/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fetches the packages of a plan: all at once, each from the mirrors of its repository, with the
 * size and the digest of the signed metadata. It trusts neither a mirror nor the helper: what came is
 * only compared with that digest here, so that another mirror can be tried. The verify stage decides.
 */
#include "download.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"

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

int mf_download(struct mf_context *ctx, const struct mf_repos *repos, struct mf_run *run,
		struct mf_fetched *ret_fetched)
{
	_cleanup_free_ struct mf_fetch_request *requests =
		calloc(run->plan.n + 1, sizeof(*requests));
	_cleanup_free_ struct mf_strings *others = calloc(run->plan.n + 1, sizeof(*others));
	int r = 0;

	for (size_t i = 0; i < run->plan.n; i++)
		ret_fetched[i].fd = -1;
	if (!requests || !others)
		return mf_fail(ctx, MF_STAGE_FETCH, -ENOMEM, "plan", NULL);
	for (size_t i = 0; !r && i < run->plan.n; i++) {
		const struct mf_plan_item *item = &run->plan.items[i];

		requests[i] = (struct mf_fetch_request){
			.path = item->location,
			.label = item->name,
			.access = &repos->v[item->repo].access,
			.size = item->size,
			.sha256 = item->sha256,
			.max_size = ctx->settings.max_package,
		};
		r = find_place(ctx, &repos->v[item->repo], item, &others[i], &requests[i].mirrors);
	}
	if (!r)
		r = mf_fetch(ctx, requests, run->plan.n, ret_fetched);
	for (size_t i = 0; i < run->plan.n; i++)
		mf_strings_done(&others[i]);
	return r < 0 ? mf_fault_set_from_fetch(run, ret_fetched, r) : 0;
}

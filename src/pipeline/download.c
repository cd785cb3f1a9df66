/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fetches the packages of a plan: all at once, each from the mirrors of its repository, with the
 * size and the digest of the signed metadata. It trusts neither a mirror nor the helper: what came is
 * only compared with that digest here, so that another mirror can be tried. The verify stage decides.
 */
#include "download.h"
#include <errno.h>
#include <stdlib.h>
#include "modfetch/cleanup.h"

int mf_download(struct mf_context *ctx, const struct mf_repos *repos, struct mf_run *run,
		struct mf_fetched *ret_fetched)
{
	_cleanup_free_ struct mf_fetch_request *requests =
		calloc(run->plan.n + 1, sizeof(*requests));
	int r;

	for (size_t i = 0; i < run->plan.n; i++)
		ret_fetched[i].fd = -1;
	if (!requests)
		return mf_fail(ctx, MF_STAGE_FETCH, -ENOMEM, "plan", NULL);
	for (size_t i = 0; i < run->plan.n; i++) {
		const struct mf_plan_item *item = &run->plan.items[i];

		requests[i] = (struct mf_fetch_request){
			.mirrors = &repos->v[item->repo].baseurls,
			.path = item->location,
			.label = item->name,
			.access = &repos->v[item->repo].access,
			.size = item->size,
			.sha256 = item->sha256,
			.max_size = ctx->settings.max_package,
		};
	}
	r = mf_fetch(ctx, requests, run->plan.n, ret_fetched);
	return r < 0 ? mf_fault_set_from_fetch(run, ret_fetched, r) : 0;
}

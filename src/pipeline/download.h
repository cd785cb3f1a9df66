/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_DOWNLOAD_H
#define MODFETCH_DOWNLOAD_H
#include "modfetch/context.h"
#include "modfetch/fetch.h"
#include "modfetch/pipeline.h"
#include "modfetch/repo.h"

/*
 * Fetches the packages of run->plan. RET_FETCHED has a zeroed element for each; the descriptors in
 * it are -1 after a failure. 0, or a failure of mf_fetch(), recorded; run->fault then says whether
 * another plan may succeed.
 */
int mf_download(struct mf_context *ctx, const struct mf_repos *repos, struct mf_run *run,
		struct mf_fetched *ret_fetched);

#endif

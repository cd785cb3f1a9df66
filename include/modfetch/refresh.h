/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_REFRESH_H
#define MODFETCH_REFRESH_H
/*
 * The other pipeline: fetch → verify → publish of a repository's metadata.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/cache.h"
#include "modfetch/context.h"
#include "modfetch/repo.h"
#include "modfetch/trust.h"

struct mf_refresh_result {
	struct mf_cache_content content; /* of the repository; all zero if nothing changed */
	struct mf_trusted trust;
};

enum mf_refresh_flags {
	MF_REFRESH_FORCE = 1,	 /* rebuild the cache even if the repository has not changed */
	MF_REFRESH_OLDER = 2,	 /* accept metadata older than that accepted before */
	MF_REFRESH_IDENTITY = 4, /* accept the metadata of another repository than before */
	MF_REFRESH_MEDIUM =
		8, /* from a medium: no request is conditional, two media look the same */
};

/*
 * Updates the cache of a repository. FLAGS: of enum mf_refresh_flags. Returns 0; 1: the repository
 * has not changed; or a recorded failure of fetch, trust or the metadata; the old cache then stays
 * in use.
 */
int mf_refresh(struct mf_context *ctx, const struct mf_repo *repo, unsigned int flags,
	       struct mf_refresh_result *ret_result);

/*
 * Refreshes all enabled repositories, or the enabled one with this ID. 0 if at least one could be
 * refreshed, else the failure of the last. RET_CHANGED (may be NULL): at least one has new
 * metadata.
 */
int mf_refresh_all(struct mf_context *ctx, const char *id, bool force, bool *ret_changed);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_REFRESH_H
#define MODFETCH_REFRESH_H
/*
 * The other road: fetch → verify → publish of a repository's metadata.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/repo.h"
#include "modfetch/trust.h"

struct mf_refresh_result {
	size_t packages; /* in the repository; 0 where nothing changed */
	struct mf_trusted trust;
};

enum mf_refresh_flags {
	MF_REFRESH_FORCE = 1, /* build the cache anew even where the repository has not changed */
	MF_REFRESH_OLDER = 2, /* take what is older than what was accepted before */
	MF_REFRESH_IDENTITY = 4, /* take another repository than what was accepted before */
};

/*
 * Brings the cache of a repository up to date. Returns 0; 1: it has not changed; or a recorded
 * failure of fetch, trust or the metadata, and then the old cache stays in use.
 */
int mf_refresh(struct mf_context *ctx, const struct mf_repo *repo, unsigned int flags,
	       struct mf_refresh_result *ret_result);

/*
 * All that are enabled, or the one of them that has this ID. 0 where some could be refreshed, else
 * the failure of the last. RET_CHANGED, which may be NULL, gets whether any has new metadata.
 */
int mf_refresh_all(struct mf_context *ctx, const char *id, bool force, bool *ret_changed);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REPO_ADVISORIES_H
#define REPO_ADVISORIES_H
/* Writing the advisories of a new generation. */
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/solv.h"

/*
 * Writes the advisories of an inflated updateinfo.xml that name one of the packages IDS to a new
 * generation; nothing is written if there is none. A file that cannot be parsed is reported by a
 * warning and counts as one without advisories. 0 or -errno; records nothing.
 */
int mf_advisories_write(const struct mf_context *ctx, const char *repo_id, struct mf_pool *pool,
			const int *ids, size_t n, int updateinfo, int dirfd);

#endif

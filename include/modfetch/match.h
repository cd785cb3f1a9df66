/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_MATCH_H
#define MODFETCH_MATCH_H
/*
 * Stage match: which modules stand behind a want, on disk and in the repositories, and which of
 * them may be fetched. Together they are what `modprobe -R` would list on a full tree.
 */
#include "modfetch/catalog.h"
#include "modfetch/libkmod.h"
#include "modfetch/policy.h"
#include "modfetch/want.h"

/*
 * Fills matches, state and reason of N wants. CATALOG may be NULL: then only the disk is asked. 0,
 * -MFE_BAD_INDEX or -errno, recorded.
 */
int mf_match(struct mf_context *ctx, struct mf_catalog *catalog, struct mf_kmod *kmod,
	     const struct mf_policy *policy, struct mf_want *wants, size_t n);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_MATCH_H
#define MODFETCH_MATCH_H
/*
 * Stage match: finds the modules that match a want, on disk and in the repositories, and decides
 * which of them may be fetched. Together they are the list that `modprobe -R` prints on a full
 * tree.
 */
#include "modfetch/catalog.h"
#include "modfetch/libkmod.h"
#include "modfetch/policy.h"
#include "modfetch/want.h"

/*
 * Fills matches, state and reason of N wants. Without a CATALOG (NULL) only the disk is searched.
 * 0, -MFE_BAD_INDEX or -errno, recorded.
 */
int mf_match(struct mf_context *ctx, struct mf_catalog *catalog, struct mf_kmod *kmod,
	     const struct mf_policy *policy, struct mf_want *wants, size_t n);

/*
 * After an installation, with new indexes: removes the matches by alias of modules that are on disk now
 * and do not have the alias. State and reason stay. 0 or -errno, recorded.
 */
int mf_match_narrow(struct mf_context *ctx, struct mf_want *wants, size_t n);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef UPDATE_NAMES_H
#define UPDATE_NAMES_H
/* Which packages a user means. */
#include "modfetch/context.h"
#include "modfetch/solv.h"
#include "modfetch/strings.h"

/*
 * Does one of NAMES mean the package, in any form of mf_package_meant()? NULL: all are meant. The names
 * that do are added to FOUND. 1: it is meant; 0; or -ENOMEM.
 */
int update_match_names(const struct mf_context *ctx, struct mf_pool *pool, int id,
		       const struct mf_strings *names, struct mf_strings *found);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RESOLVE_BOUND_H
#define RESOLVE_BOUND_H
/* Which packages of a module have the alias of a want. */
#include <stddef.h>
#include "modfetch/resolve.h"

/*
 * Leaves those of the packages IDS, which contain the module of MATCH, that have an alias for WANT;
 * N is 0 afterwards if none has. Installed packages, and files that are no repository's, stay, and so do all
 * if no alias led to the module. 0, -ENOMEM or -MFE_BAD_INDEX.
 */
int resolve_keep_bound(const struct mf_judge *judge, const struct mf_want *want,
		       const struct mf_match *match, int *ids, size_t *n);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_DIFFERING_H
#define MODFETCH_DIFFERING_H
/* Which packages have a module or a name in common with others, and other aliases than they. */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/solv.h"

/* Zeroed: none. */
struct repo_differing {
	int *ids; /* sorted */
	size_t n;
};
void repo_differing_done(struct repo_differing *differing);
/*
 * Of the packages IDS, all those of a module, or of a name, that packages with different aliases have.
 * The pool is ready. 0 or -ENOMEM.
 */
int repo_differing_find(struct mf_pool *pool, const int *ids, size_t n,
			struct repo_differing *ret_differing);
bool repo_differing_has(const struct repo_differing *differing, int id);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RESOLVE_NAMED_H
#define RESOLVE_NAMED_H
/* The installed packages that a name to remove means: named.c. */
#include <stddef.h>
#include "modfetch/resolve.h"
#include "modfetch/solv.h"

/*
 * Finds the installed packages that NAME means, for the kernel of the context. Unless the selection
 * has any_form, only a full name counts. RET_IDS is the caller's to free; of RET_N 0 no package is
 * meant. 0 or -ENOMEM; records nothing.
 */
int resolve_find_named(const struct mf_context *ctx, struct mf_pool *pool,
		       const struct mf_selection *selection, const char *name, int **ret_ids,
		       size_t *ret_n);
/*
 * Finds the packages of repositories whose name without kernel and flavor NAME is: SUSE's generators of
 * before 2018 write no provide for it. RET_IDS is the caller's to free. 0 or -ENOMEM; records nothing.
 */
int resolve_find_short(const struct mf_context *ctx, struct mf_pool *pool, size_t n_repos,
		       const char *name, int **ret_ids, size_t *ret_n);
/* Has the disk a module of this name that is of no package? */
bool resolve_is_unowned_module(struct mf_pool *pool, const char *name);

/*
 * Has a package of the repositories, by its name or what it provides, or a module of one this name,
 * and no installed package? Then it is only not installed, and no slip of the pen.
 */
bool resolve_is_only_available(struct mf_pool *pool, const char *name);

#endif

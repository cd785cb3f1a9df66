/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_CHOICE_H
#define MODFETCH_CHOICE_H
/*
 * Which of several packages that carry a module: the one of the repository with the better
 * priority; then of one that the admin prefers; then the kernel's own driver before one built
 * elsewhere; then the newer; then, so that it is always the same, by name. Who wants an out-of-box
 * driver says so by its repository's priority= or prefer=, or denies the other.
 */
#include <stddef.h>
#include "modfetch/catalog.h"

/* Sorts the packages IDS of the catalog's pool, the best first. */
void mf_choice_sort(struct mf_catalog *catalog, struct mf_pool *pool, int *ids, size_t n);
/* The repository that the kernel comes from: its place in mf_catalog_repos(), or -1. */
int mf_choice_home(struct mf_catalog *catalog, struct mf_pool *pool);
/* Gives the pool's repositories the same order, for what the solver chooses by itself. */
void mf_choice_rank(struct mf_catalog *catalog, struct mf_pool *pool);

enum mf_which { MF_WHICH_INSTALLED, MF_WHICH_AVAILABLE, MF_WHICH_ANY };
/*
 * The packages of that name, or (except where only installed ones count) that provide it. RET_IDS
 * is the caller's to free. 0 or -ENOMEM.
 */
int mf_choice_find(struct mf_pool *pool, const char *name, enum mf_which which, int **ret_ids,
		   size_t *ret_n);

#endif

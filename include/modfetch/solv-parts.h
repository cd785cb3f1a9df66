/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SOLV_PARTS_H
#define MODFETCH_SOLV_PARTS_H
/*
 * A package list of which a pool gets only what a plan can touch: the packages asked for, and of
 * these whatever they could need or be recommended, and so on. The plan is that of the whole list,
 * since libsolv comes to no other package, as long as nothing that is installed has to give way.
 */
#include "modfetch/solv.h"

/*
 * Writes as parts the list that mf_pool_write_plan() wrote into the descriptor PLAN with an image.
 * LOOSE: the ids in POOL of packages that will be added from other lists of the same repository. 1:
 * it has rich dependencies, which parts do not; 0, -EBADMSG or -errno.
 */
int mf_pool_write_parts(struct mf_pool *pool, int plan, const int *loose, size_t n_loose, int fd);

/*
 * Adds of such a list, in place of the plan's, the kernel's image, the packages that provide NAMES,
 * and all that these may need. One a pool, and before any other list; settled as the plan's. 0,
 * -EBADMSG or -errno.
 */
int mf_pool_add_parts(struct mf_pool *pool, int fd, int origin, int priority,
		      const char *const *names, size_t n);

/*
 * To be called once the other lists and what is installed are added, with the same names: adds what
 * packages of other lists may need in turn. Without such a list it does nothing. 1: one of them
 * could take the place of what is installed, so that the plan's list must be used; 0, -EBADMSG or
 * -errno.
 */
int mf_pool_load(struct mf_pool *pool, const char *const *names, size_t n);

/*
 * Behind it, for who wants to look at what provides NAMES, and not to plan with it: what these
 * packages need stays out. 0 or -EBADMSG.
 */
int mf_pool_bring(struct mf_pool *pool, const char *const *names, size_t n);

#endif

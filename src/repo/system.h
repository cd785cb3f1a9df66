/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SYSTEM_H
#define MODFETCH_SYSTEM_H
/*
 * The solvable that stands for what no package owns: the kernel itself, where no rpm brought it,
 * modules that lie in its tree without an owner, and firmware on disk. Present beats fetched: what
 * it provides is never planned.
 */
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/release.h"
#include "modfetch/solv.h"

/*
 * Adds it to a pool that holds the repositories' packages (origins 0 to N_REPOS - 1) and the
 * installed ones, and is not ready yet. The kernel's exports are those of its symvers file or,
 * failing that, of the repository's kernel-image package of exactly this release; a module's are
 * those of symvers, of its package in a repository, or of the file itself.
 *
 * Installed packages of other kernels do not count from now on (mf_pool_set_kernel()), unless
 * ALL_KERNELS: for removals, which must see each need of what they remove. 0 or a recorded error.
 */
int mf_system_add(struct mf_context *ctx, const struct mf_release *release, size_t n_repos,
		  bool all_kernels, struct mf_pool *pool);

#endif

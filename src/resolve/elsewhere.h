/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RESOLVE_ELSEWHERE_H
#define RESOLVE_ELSEWHERE_H
/*
 * Kernels of repositories, and packages that are installed for another kernel than that of the run.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/solv.h"
#include "solver-problem.h"

/*
 * Refuses kernels of the repositories with -MFE_WRONG_KERNEL, but for those in NAMES, which the user
 * named (or NULL). 0 or -ENOMEM, recorded.
 */
int mf_elsewhere_refuse_kernels(struct mf_context *ctx, const struct mf_strings *names,
				struct mf_refusals *refusals);
/* Refuses all packages that are installed for another kernel, with -MFE_WRONG_KERNEL. 0 or -ENOMEM, recorded. */
int mf_elsewhere_refuse(struct mf_context *ctx, struct mf_refusals *refusals);
/* Are these packages of a kernel, and the newest of them is installed, for another kernel? */
bool mf_elsewhere_is_kernel(struct mf_pool *pool, const int *ids, size_t n);

#endif

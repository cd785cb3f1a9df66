/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SOLVER_PROBLEM_H
#define MODFETCH_SOLVER_PROBLEM_H
/*
 * Why there is no plan, as one sentence about drivers and kernels; and the packages that must not
 * come, with the reason of each.
 */
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/solve.h"

/* Packages of a pool that are refused there. */
struct mf_refusals {
	struct mf_pool *pool;
	struct {
		int id;
		int code;  /* -MFE_DENIED, or -MFE_WRONG_KERNEL */
		char *why; /* one clause */
	} * v;
	size_t n;
};

/* Refuses a package, and takes WHY over. 0 or -ENOMEM. */
int mf_refusals_add(struct mf_refusals *refusals, int id, int code, char *why);
/* Allows again all but the first KEEP. */
void mf_refusals_cut(struct mf_refusals *refusals, size_t keep);
void mf_refusals_done(struct mf_refusals *refusals);

/*
 * Records why a solution was not found: which symbol of which driver, the CRC wanted and the one
 * there; who refused; who excludes whom. Returns -MFE_NO_SYMBOL, -MFE_DENIED, -MFE_WRONG_KERNEL or
 * -MFE_UNSOLVABLE.
 */
int mf_solver_problem_fail(struct mf_context *ctx, const struct mf_refusals *refusals,
			   const struct mf_solution *solution);

#endif

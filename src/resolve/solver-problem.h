/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SOLVER_PROBLEM_H
#define MODFETCH_SOLVER_PROBLEM_H
/*
 * The reason why there is no plan, as one sentence about drivers and kernels; and the packages that
 * must not be installed, each with a reason.
 */
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/solve.h"

/* Packages that are refused in a pool. */
struct mf_refusals {
	struct mf_pool *pool;
	struct {
		int id;
		int code;  /* -MFE_DENIED, -MFE_SCRIPTLET, -MFE_WRONG_KERNEL, … */
		char *why; /* one clause */
	} * v;
	size_t n;
};

/* Refuses a package in the pool. Takes ownership of WHY, also on failure. 0 or -ENOMEM. */
int mf_refusals_add(struct mf_refusals *refusals, int id, int code, char *why);
/* Allows all packages again, except the first KEEP. */
void mf_refusals_truncate(struct mf_refusals *refusals, size_t keep);
void mf_refusals_done(struct mf_refusals *refusals);

/*
 * Records why a solution was not found: the driver and the symbol it needs, with the CRC wanted and
 * the one provided; the refused package and the rule; or the packages that conflict. Returns
 * -MFE_NO_SYMBOL, -MFE_DENIED, -MFE_WRONG_KERNEL or -MFE_UNSOLVABLE.
 */
int mf_solver_problem_fail(struct mf_context *ctx, const struct mf_refusals *refusals,
			   const struct mf_solution *solution);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RESOLVE_HELD_H
#define RESOLVE_HELD_H
/*
 * Installed packages that the administrator holds: no plan replaces or removes them.
 */
#include "modfetch/resolve.h"
#include "modfetch/rules.h"
#include "modfetch/solve.h"
#include "held-versions.h"
#include "solver-problem.h"

/*
 * Refuses, with -MFE_DENIED, what would replace a held package: its other versions, and packages
 * with a module of it. SELECTION may be NULL. 0; -MFE_DENIED: the selection removes a held package;
 * or another failure; recorded.
 */
int mf_held_refuse(struct mf_context *ctx, const struct mf_rules *rules,
		   const struct mf_selection *selection, struct mf_refusals *refusals);
/*
 * Checks that a solution leaves all held packages as they are; to install the same version once more
 * is allowed. 0; -MFE_DENIED, or another failure; recorded.
 */
int mf_held_check(struct mf_context *ctx, const struct mf_rules *rules,
		  const struct mf_selection *selection, struct mf_pool *pool,
		  const struct mf_solution *solution);

#endif

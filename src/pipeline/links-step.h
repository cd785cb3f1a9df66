/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_LINKS_STEP_H
#define MODFETCH_LINKS_STEP_H
/* How the pipeline uses links to modules of other kernels (modfetch/links.h). */
#include "modfetch/context.h"
#include "modfetch/install.h"
#include "modfetch/plan.h"
#include "modfetch/want.h"

/*
 * Links what wants ask for and installed packages have for other kernels: modules that are missing,
 * that PLAN does not bring, and whose best package is installed; in a run that a person started also
 * names that nobody else knows. 1: the indexes have changed, match again; 0; or a recorded failure.
 */
int mf_links_step_wants(struct mf_context *ctx, const struct mf_wants *wants,
			const struct mf_plan *plan);

/* After the indexes are right. A ledger that cannot be written makes the next run look again. */
void mf_links_step_settle(struct mf_context *ctx);
/*
 * After a transaction failed: removes links to modules that are gone, and makes the indexes of KERNELS (NULL:
 * of all that are installed) match the tree again. The failure on record stays.
 */
void mf_links_step_undo(struct mf_context *ctx, const struct mf_strings *kernels);

#endif

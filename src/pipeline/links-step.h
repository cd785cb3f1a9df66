/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_LINKS_STEP_H
#define MODFETCH_LINKS_STEP_H
/* How the pipeline uses links to modules of other kernels (modfetch/links.h). */
#include "modfetch/context.h"
#include "modfetch/install.h"
#include "modfetch/pipeline.h"

/*
 * Links what the wants of a run ask for and installed packages have for other kernels: modules that are
 * missing, that its plan does not bring, and whose best package is installed; in a run that a
 * person started also names that nobody else knows. 1: the indexes have changed, match again; 0; or a
 * recorded failure. In a dry run nothing is linked: run->links gets the links, the wants that they would
 * serve become available, with the reason, and the result is 0; a failure is only logged.
 */
int mf_links_step_wants(struct mf_context *ctx, struct mf_run *run);

/* After the indexes are right. A ledger that cannot be written makes the next run look again. */
void mf_links_step_settle(struct mf_context *ctx);
/*
 * After a transaction failed: removes links to modules that are gone, and makes the indexes of KERNELS (NULL:
 * of all that are installed) match the tree again. The failure on record stays.
 */
void mf_links_step_undo(struct mf_context *ctx, const struct mf_strings *kernels);

#endif

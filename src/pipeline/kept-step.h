/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PIPELINE_KEPT_STEP_H
#define PIPELINE_KEPT_STEP_H
/* Keeps the packages of a run on disk, so that the run can be undone without network. */
#include "modfetch/pipeline.h"
#include "modfetch/verify.h"

/*
 * To be called when no device waits any more, after a run whose indexes are right: not after one that was
 * undone. PROOFS: of the items of the plan. A failure is a
 * warning: the drivers are installed.
 */
void mf_kept_step(struct mf_context *ctx, const struct mf_run *run, struct mf_proof *const *proofs);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PIPELINE_TRIAL_STEP_H
#define PIPELINE_TRIAL_STEP_H
/* An update of a driver begins its trial before it is on disk, so that a power cut does not lose it. */
#include "modfetch/pipeline.h"

/*
 * Before the transaction of an update: notes which devices the replaced drivers have. Without any the
 * update has no trial. 0 or -errno, recorded.
 */
int mf_trial_step_begin(struct mf_context *ctx, const struct mf_run *run);
/* After a failed transaction: the trials that it began have nothing to try. Never fails. */
void mf_trial_step_undo(struct mf_context *ctx, const struct mf_run *run);

#endif

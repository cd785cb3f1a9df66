/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PIPELINE_ASKED_STEP_H
#define PIPELINE_ASKED_STEP_H
/* The place in a run where the ledger of what was asked for is written. */
#include "modfetch/pipeline.h"

/*
 * At the end of a run that returns RESULT, with the lock held: remembers the names that the admin
 * asked for and the devices that the run was for, and forgets the names that were removed. Never
 * fails: what cannot be written is logged, and the failure on record stays.
 */
void mf_asked_step(struct mf_context *ctx, const struct mf_run *run, int result);

#endif

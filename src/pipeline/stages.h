/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PIPELINE_STAGES_H
#define PIPELINE_STAGES_H
/* The stages of a run, and the state between two rounds of them. */
#include "modfetch/pipeline.h"

/*
 * Runs the stages, with the lock unless it is a dry run. As mf_pipeline_run(), without a line in the
 * history.
 */
int mf_run_stages(struct mf_context *ctx, struct mf_run *run);

/* Frees the results of the stages that changed nothing, so that they can be run again. */
void mf_run_reset(struct mf_run *run);

#endif

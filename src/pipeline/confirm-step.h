/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PIPELINE_CONFIRM_STEP_H
#define PIPELINE_CONFIRM_STEP_H
/* Large plans, and those that remove something, are carried out with the user's consent only. */
#include "modfetch/pipeline.h"

/*
 * May the plan be carried out? 0: nothing has to be asked, or all of it was confirmed before;
 * -MFE_NOT_CONFIRMED, recorded: mf_confirm_ask() comes first.
 */
int mf_confirm_step(struct mf_context *ctx, const struct mf_run *run);

/*
 * Asks for the plan of RUN, which keeps what was confirmed. Called without the lock. 0, or the failure
 * of run->confirm, or -ENOMEM, recorded.
 */
int mf_confirm_ask(struct mf_context *ctx, struct mf_run *run);

#endif

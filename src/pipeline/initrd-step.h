/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_INITRD_STEP_H
#define MODFETCH_INITRD_STEP_H
/* The initrds of the kernels whose drivers a run changed. */
#include "modfetch/install.h"
#include "modfetch/pipeline.h"

/* Remembers the changed modules, before the transaction is final. A failure is logged. */
void mf_initrd_step_note(struct mf_context *ctx, const struct mf_receipt *receipt);

/*
 * At the end of a run, without the lock: makes the initrds again that need it. Does nothing in an
 * unattended run. RESULT: of the run. Returns RESULT if it is a failure, else that of an initrd, if
 * there was one, recorded, else RESULT.
 */
int mf_initrd_step_settle(struct mf_context *ctx, const struct mf_run *run, int result);

#endif

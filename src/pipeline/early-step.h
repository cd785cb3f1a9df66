/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PIPELINE_EARLY_STEP_H
#define PIPELINE_EARLY_STEP_H
/*
 * Loads the drivers of a device from the verified packages in memory, so that the device does not wait
 * for the installation.
 */
#include "modfetch/libkmod.h"
#include "modfetch/pending-loads.h"
#include "modfetch/pipeline.h"
#include "modfetch/verify.h"

/*
 * Is it a plan for mf_early_step()? Only devices want something, a few packages are new, and none is
 * replaced or removed. Asked before verify, which then keeps the modules in memory.
 */
bool mf_early_step_is_possible(const struct mf_context *ctx, const struct mf_run *run);

/*
 * After all checks, directly before the transaction; KMOD has the indexes of before. True: all modules of
 * the packages are in the kernel. False: none needs to be; the load stage decides. Never a failure.
 */
bool mf_early_step(struct mf_context *ctx, const struct mf_run *run, struct mf_kmod *kmod,
		   struct mf_proof *const *proofs, struct mf_pending_loads *attempts);

#endif

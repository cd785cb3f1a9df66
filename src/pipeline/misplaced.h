/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PIPELINE_MISPLACED_H
#define PIPELINE_MISPLACED_H
/*
 * Done means present: a module that was asked for must be where the kernel of the run looks for it.
 */
#include "modfetch/pipeline.h"
#include "modfetch/verify.h"

/*
 * After the transaction: is each wanted module that a package has in the index, and one of each package
 * that was named? Packages without are added to VERDICTS; the caller undoes the transaction. Warns of
 * modules that no package has, whatever the metadata says. 0; -MFE_MISPLACED, or another failure,
 * recorded.
 */
int mf_misplaced_check_index(struct mf_context *ctx, const struct mf_run *run,
			     struct mf_proof *const *proofs, struct mf_verdicts *verdicts);

#endif

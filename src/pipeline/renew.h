/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_RENEW_H
#define MODFETCH_RENEW_H
/*
 * New metadata during a run: a run without metadata, or with metadata that makes it fail, fetches
 * new metadata once.
 */
#include <stdbool.h>
#include "modfetch/context.h"
#include "modfetch/pipeline.h"

/*
 * Opens run->catalog. Missing or damaged metadata is fetched, but not by a dry run. 0 or a recorded
 * failure.
 */
int mf_renew_open(struct mf_context *ctx, struct mf_run *run);

/*
 * Fetches newer metadata after the run has failed with R: of all repositories, or of the one with a
 * missing package. True: there is new metadata, and another try may succeed; the caller has changed
 * nothing yet. The failure on record stays.
 */
bool mf_renew_after(struct mf_context *ctx, struct mf_run *run, int r);

#endif

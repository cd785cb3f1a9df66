/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_RENEW_H
#define MODFETCH_RENEW_H
/*
 * Metadata on the way: a run that has none, or has such as fails, asks for newer, once.
 */
#include <stdbool.h>
#include "modfetch/context.h"
#include "modfetch/pipeline.h"

/*
 * Opens run->catalog; one that is missing or damaged is fetched anew, but not by a dry run. 0 or a
 * recorded failure.
 */
int mf_renew_open(struct mf_context *ctx, struct mf_run *run);

/*
 * The run has failed with R, and newer metadata may help: of all repositories, or of the one that
 * has lost a package. True: it has come, and is worth another try; nothing has been changed yet.
 * The failure on record stays.
 */
bool mf_renew_after(struct mf_context *ctx, struct mf_run *run, int r);

#endif

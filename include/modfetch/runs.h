/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_RUNS_H
#define MODFETCH_RUNS_H
/*
 * How many runs events and the kernel's requests have started within the last hour. A run counts
 * from the moment before it begins, whether it ends well, fails or crashes; what only waited, for a
 * network or a lock, or found nothing to do, is taken back.
 */
#include <stdbool.h>
#include <stdint.h>
#include "modfetch/context.h"

/* Seconds of a window, and the file that remembers the runs in it. */
#define MF_RUNS_WINDOW 3600
#define MF_RUNS_FILE   "run/modfetch/runs"

/*
 * Counts a run that is about to begin. 0 or -errno, not recorded. RET_AT (CLOCK_BOOTTIME, seconds)
 * is for mf_runs_uncount(), and may be NULL.
 */
int mf_runs_count(const struct mf_context *ctx, uint64_t *ret_at);
/* Takes one run of that moment back. 0 or -errno, not recorded. */
int mf_runs_uncount(const struct mf_context *ctx, uint64_t at);

/* Seconds until one more run is allowed, of MAX within a window; 0: now, or MAX is 0. */
unsigned int mf_runs_wait(const struct mf_context *ctx, unsigned int max);
/*
 * May the kernel's requests have one more? They have half of settings.max_transactions: a user who
 * provokes them must not keep devices waiting.
 */
bool mf_runs_kernel_may(const struct mf_context *ctx);

#endif

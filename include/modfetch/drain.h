/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_DRAIN_H
#define MODFETCH_DRAIN_H
/*
 * From the spool to the road: everything that waits becomes one run, and an entry leaves the spool
 * when its outcome is in the history, never before. What cannot be decided now, for want of a
 * network or because somebody holds a lock, stays.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/want.h"

/* Seconds of a window, and the file that remembers the runs that changed something in it. */
#define MF_DRAIN_WINDOW 3600
#define MF_DRAIN_RUNS	"run/modfetch/runs"

struct mf_drained {
	size_t entries; /* that were in the spool */
	size_t gone;	/* of them, those whose devices are gone: nothing was done for them */
	size_t kept;	/* of them, those that are still there, to be tried again */
	size_t failed; /* of them, those that ended with an error that trying again would not change
			*/
	unsigned int wait_s; /* the limit of transactions holds for so long; 0: it does not */
};

/*
 * Drains the spool once. More than settings.max_transactions runs that changed something within an
 * hour are refused: wait_s tells how long. Where one run for all fails for a reason that trying
 * again would not change, each modalias gets a run of its own, so that one of them spoils nothing
 * for the others. Returns 0: something was installed or loaded; 1: nothing was to do; or the last
 * failure, recorded. RET_DRAINED is filled in any case.
 */
int mf_drain(struct mf_context *ctx, struct mf_drained *ret_drained);

/*
 * The kernel's own requests count in the same hour, whether they end well or not. They have half of
 * it: a user who provokes them must not keep devices waiting. May the kernel have one more?
 */
bool mf_drain_kernel_may(const struct mf_context *ctx);
/* Counts a run as one of the hour. 0 or -errno, not recorded. */
int mf_drain_count(const struct mf_context *ctx);

/*
 * How long udev took for the slowest device in the spool, from the kernel's event to its entry, in
 * microseconds: how fast devices can come on this machine. 0: nothing is there; UINT64_MAX: nobody
 * knows. Records nothing.
 */
uint64_t mf_drain_pace(struct mf_context *ctx);

/* Is a failure one that passes: no network, a lock, a full server? */
bool mf_drain_passes(int code);

/*
 * Puts wants that could not be served into the spool, so that the service goes on with them. 0 or
 * -errno, recorded.
 */
int mf_drain_defer(struct mf_context *ctx, const struct mf_wants *wants);

#endif

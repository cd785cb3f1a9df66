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

struct mf_drained {
	size_t entries; /* that were in the spool */
	size_t gone;	/* of them, those whose devices are gone: nothing was done for them */
	size_t kept;	/* of them, those that are still there, to be tried again */
	size_t failed; /* of them, those that ended with an error that trying again would not change
			*/
	unsigned int wait_s; /* the limit of transactions holds for so long; 0: it does not */
};

/*
 * Drains the spool once, as one attempt. More than settings.max_transactions attempts within an hour
 * (modfetch/runs.h) are refused: wait_s tells how long. Where one run for all fails for a fault of
 * one package or repository, or one crashed before, each modalias gets a run of its own, so that
 * none of them spoils anything for the others; what has crashed twice is set aside. Returns 0:
 * something was installed or loaded; 1: nothing was to do; or the last failure, recorded, which is
 * -MFE_SET_ASIDE where nothing else has failed. RET_DRAINED is filled in any case. An unattended run
 * that does not end is killed by SIGALRM.
 */
int mf_drain(struct mf_context *ctx, struct mf_drained *ret_drained);

/*
 * How long udev took for the slowest device in the spool, from the kernel's event to its entry, in
 * microseconds: how fast devices can come on this machine. 0: nothing is there; UINT64_MAX: nobody
 * knows. Records nothing.
 */
uint64_t mf_drain_pace(struct mf_context *ctx);

/*
 * Puts wants that could not be served into the spool, so that the service goes on with them.
 * CRASHED: a run for all of them began and did not end, so each of them is to run alone. 0 or
 * -errno, recorded.
 */
int mf_drain_defer(struct mf_context *ctx, const struct mf_wants *wants, bool crashed);

#endif

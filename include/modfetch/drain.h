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
#include "modfetch/crypto.h"
#include "modfetch/spool.h"
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
 * (modfetch/drain.h) are refused: wait_s tells how long. Where one run for all fails for a fault of
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

/*
 * What was set aside: entries of the spool whose runs crashed MF_TRIES_MAX times, in
 * /var/lib/modfetch/aside/, one file each. They stay there over boots, until somebody says so or
 * something has changed that may matter: modfetch itself, the kernel, the repositories in use or
 * their metadata. The devices of one that comes back from an event or at boot are added to it.
 */

#define MF_ASIDE_DIR "var/lib/modfetch/aside"
#define MF_ASIDE_MAX 4096 /* entries; beyond it the spool keeps them */

struct mf_aside_entry {
	struct mf_spool_entry entry;
	int64_t since;		   /* seconds of CLOCK_REALTIME */
	char stamp[MF_SHA256_HEX]; /* of what its outcome rests on, as it was then */
	bool due;		   /* something of that has changed since */
};
struct mf_aside {
	struct mf_aside_entry *v;
	size_t n;
};

/* Reads all of it, oldest first; files that do not parse are passed over. 0 or -errno, recorded. */
int mf_aside_read(struct mf_context *ctx, struct mf_aside *ret_aside);
void mf_aside_done(struct mf_aside *aside);
/* The entry of that modalias, or NULL. */
const struct mf_aside_entry *mf_aside_find(const struct mf_aside *aside, const char *modalias);

/*
 * Sets an entry aside, or adds its devices to the one that is; since when, and what it waits for,
 * stays as it was then. Synced before it returns. 0 or -errno, recorded.
 */
int mf_aside_put(struct mf_context *ctx, const struct mf_spool_entry *entry);
/*
 * Puts those that are due, or ALL of them, into the spool again. How many, or -errno, recorded.
 */
int mf_aside_retry(struct mf_context *ctx, bool all);
/*
 * Takes the wants out that are set aside and not due, and keeps their devices. Each is reported.
 * 0; or -errno, recorded, and then the wants are only good to be freed.
 */
int mf_aside_filter(struct mf_context *ctx, struct mf_wants *wants);

/* The sentence for people: since when, and the way out. */
void mf_aside_describe(const struct mf_aside_entry *entry, char *ret_text, size_t size);

/*
 * How many runs events and the kernel's requests have started within the last hour. A run counts
 * from the moment before it begins, whether it ends well, fails or crashes; what only waited, for a
 * network or a lock, or found nothing to do, is taken back.
 */

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

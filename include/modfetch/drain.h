/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_DRAIN_H
#define MODFETCH_DRAIN_H
/*
 * From the spool to the pipeline: all waiting entries become one run, and an entry leaves the spool
 * when its outcome is in the history, never before. An entry that cannot be served now, because the
 * network is missing or another process holds a lock, stays.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/crypto.h"
#include "modfetch/spool.h"
#include "modfetch/want.h"

struct mf_drained {
	size_t entries;	     /* in the spool at the start; the next three are among them */
	size_t gone;	     /* dropped without a run, because all their devices are gone */
	size_t kept;	     /* still in the spool, to be tried again */
	size_t failed;	     /* ended with an error that another try would not change */
	unsigned int wait_s; /* seconds until the limit of transactions allows a run; 0: now */
};

/*
 * Drains the spool once, as one attempt. More than settings.max_transactions attempts within an hour
 * are refused; wait_s then has the seconds to wait. If one run for all fails because of one package
 * or repository, or crashed before, each modalias gets a run of its own, so that a bad one does not
 * stop the others; a modalias with two crashed runs is set aside. Returns 0: something was
 * installed or loaded; 1: there was nothing to do; or the last failure, recorded, which is
 * -MFE_SET_ASIDE if nothing else has failed. RET_DRAINED is filled in any case. SIGALRM kills an
 * unattended run that takes too long.
 */
int mf_drain(struct mf_context *ctx, struct mf_drained *ret_drained);

/*
 * The time that udev took for the slowest device in the spool, from the kernel's event to its
 * entry, in microseconds: it shows how fast this machine handles new devices. 0: the spool is
 * empty; UINT64_MAX: not known. Records nothing.
 */
uint64_t mf_drain_pace(struct mf_context *ctx);

/*
 * Puts wants that could not be served into the spool, so that the service continues with them.
 * CRASHED: a run for all of them began and did not end, so each of them must run alone. 0 or
 * -errno, recorded.
 */
int mf_drain_defer(struct mf_context *ctx, const struct mf_wants *wants, bool crashed);

/*
 * Entries set aside: entries of the spool with MF_TRIES_MAX crashed runs, in
 * /var/lib/modfetch/aside/, one file each. They stay there across boots, until the admin retries
 * them or a relevant part of the system has changed: modfetch itself, the kernel, the enabled
 * repositories or their metadata. If an entry's modalias appears again, from an event or at boot,
 * its devices are added.
 */

#define MF_ASIDE_DIR "var/lib/modfetch/aside"
#define MF_ASIDE_MAX 4096 /* entries; beyond it the spool keeps them */

struct mf_aside_entry {
	struct mf_spool_entry entry;
	int64_t since;		   /* seconds of CLOCK_REALTIME */
	char stamp[MF_SHA256_HEX]; /* digest of the state its outcome depended on at that time */
	bool due;		   /* that state has changed since */
};
struct mf_aside {
	struct mf_aside_entry *v;
	size_t n;
};

/* Reads all entries, oldest first; skips files that do not parse. 0 or -errno, recorded. */
int mf_aside_read(struct mf_context *ctx, struct mf_aside *ret_aside);
void mf_aside_done(struct mf_aside *aside);
/* The entry of that modalias, borrowed, or NULL. */
const struct mf_aside_entry *mf_aside_find(const struct mf_aside *aside, const char *modalias);

/*
 * Sets an entry aside. If its modalias is set aside already, only adds the devices: time and stamp
 * stay. Synced before it returns. 0 or -errno, recorded.
 */
int mf_aside_put(struct mf_context *ctx, const struct mf_spool_entry *entry);
/*
 * Moves the entries that are due, or ALL of them, back to the spool. Their number, or -errno,
 * recorded.
 */
int mf_aside_retry(struct mf_context *ctx, bool all);
/*
 * Removes the wants that are set aside and not due, adds their devices to the entries and logs
 * each. 0; or -errno, recorded: the wants can then only be freed.
 */
int mf_aside_filter(struct mf_context *ctx, struct mf_wants *wants);

/* Formats the sentence for the user: since when, and how to retry it. */
void mf_aside_describe(const struct mf_aside_entry *entry, char *ret_text, size_t size);

/*
 * The number of runs that events and the kernel's requests have started within the last hour. A run
 * is counted just before it begins, whether it succeeds, fails or crashes; the count is taken back
 * if the run only waited, for a network or a lock, or found nothing to do.
 */

/* Length of the window in seconds, and the file with the runs in it. */
#define MF_RUNS_WINDOW 3600
#define MF_RUNS_FILE   "run/modfetch/runs"

/*
 * Counts a run that is about to begin. RET_AT (CLOCK_BOOTTIME, seconds; may be NULL) is for
 * mf_runs_uncount(). 0 or -errno, not recorded.
 */
int mf_runs_count(const struct mf_context *ctx, uint64_t *ret_at);
/* Removes one run counted AT that time. 0 or -errno, not recorded. */
int mf_runs_uncount(const struct mf_context *ctx, uint64_t at);

/* Seconds until one more run is allowed, of MAX within a window; 0: now, or MAX is 0. */
unsigned int mf_runs_wait(const struct mf_context *ctx, unsigned int max);
/*
 * Are the kernel's requests allowed one more run? They get half of settings.max_transactions: a
 * user can provoke them and must not keep devices waiting.
 */
bool mf_runs_kernel_allowed(const struct mf_context *ctx);

#endif

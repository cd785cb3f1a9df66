/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_ASIDE_H
#define MODFETCH_ASIDE_H
/*
 * What was set aside: entries of the spool whose runs crashed MF_TRIES_MAX times, in
 * /var/lib/modfetch/aside/, one file each. They stay there over boots, until somebody says so or
 * something has changed that may matter: modfetch itself, the kernel, the repositories in use or
 * their metadata. The devices of one that comes back from an event or at boot are added to it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/spool.h"
#include "modfetch/crypto.h"
#include "modfetch/want.h"

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
int mf_aside_revive(struct mf_context *ctx, bool all);
/*
 * Takes the wants out that are set aside and not due, and keeps their devices. Each is reported.
 * 0; or -errno, recorded, and then the wants are only good to be freed.
 */
int mf_aside_pass(struct mf_context *ctx, struct mf_wants *wants);

/* The sentence for people: since when, and the way out. */
void mf_aside_words(const struct mf_aside_entry *entry, char *ret_text, size_t size);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_TAKEN_BACK_H
#define MODFETCH_TAKEN_BACK_H
/*
 * The versions of drivers that were taken back, by their trial or by the admin: they are not installed
 * again, until a newer one comes or the admin names them. The list is /var/lib/modfetch/taken-back.
 */
#include <stddef.h>
#include "modfetch/context.h"

struct mf_taken_back_entry {
	char *name; /* of the package without its kernel, "igb-kmp": the next kernel's counts too */
	char *evr;
	long day;  /* since 1970 */
	char *why; /* one clause */
};

/* Zeroed: none. */
struct mf_taken_back {
	struct mf_taken_back_entry *v;
	size_t n, room;
};

/* Reads the list; a line that is no entry has no effect. 0 or -errno, recorded. */
int mf_taken_back_read(struct mf_context *ctx, struct mf_taken_back *ret_list);
void mf_taken_back_done(struct mf_taken_back *list);
/* The entry of that short name and version, or NULL. Borrowed. */
const struct mf_taken_back_entry *mf_taken_back_find(const struct mf_taken_back *list,
						     const char *name, const char *evr);
/*
 * Adds a version, or removes it with WHY NULL. A name or version that is no word is not added. Only
 * with the lock held. 0 or -errno, recorded.
 */
int mf_taken_back_set(struct mf_context *ctx, const char *name, const char *evr, const char *why);

#endif

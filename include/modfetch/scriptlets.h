/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SCRIPTLETS_H
#define MODFETCH_SCRIPTLETS_H
/*
 * The packages that were refused for their scriptlets after the download: the metadata does not name all
 * kinds. A package is known by its digest, so a changed one is checked, and so is each one of a
 * repository that got the permission. The list is /var/lib/modfetch/scriptlets.
 */
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/crypto.h"
#include "modfetch/strings.h"

/* Zeroed: none. */
struct mf_scriptlets {
	struct mf_strings digests; /* hexadecimal */
	struct mf_strings kinds;   /* of each: "%pre, %post" */
};

/* Reads the list; a line that is no entry has no effect. 0 or -errno, recorded. */
int mf_scriptlets_read(struct mf_context *ctx, struct mf_scriptlets *ret_list);
void mf_scriptlets_done(struct mf_scriptlets *list);
/* The kinds that a package has, or NULL. Borrowed. */
const char *mf_scriptlets_find(const struct mf_scriptlets *list,
			       const uint8_t sha256[MF_SHA256_LEN]);
/*
 * Adds a package; the oldest entry of a full list goes. Only with the lock held. What cannot be written
 * costs a download and no more: it is logged, and the failure record stays as it is.
 */
void mf_scriptlets_note(struct mf_context *ctx, const uint8_t sha256[MF_SHA256_LEN],
			const char *kinds);

/*
 * The kinds of a header's list as text, "%pre, %post", without those that only name an interpreter; new
 * memory. NULL: no memory.
 */
char *mf_scriptlets_describe(const struct mf_strings *scriptlets);

#endif

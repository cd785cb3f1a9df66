/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_UNDO_H
#define MODFETCH_UNDO_H
/*
 * What it takes to undo a package transaction: made before it, kept on disk until packages and
 * indexes agree again. A run that is killed in between leaves it to the next one.
 */
#include <stdbool.h>
#include "modfetch/context.h"
#include "modfetch/rpm.h"
#include "modfetch/strings.h"

struct mf_undo {
	struct mf_strings kernels;  /* whose module folders are about to change */
	struct mf_strings packages; /* to come, "name-evr.arch", of names not installed now */
	struct mf_strings erase;    /* names to go */
	struct mf_strings fresh;    /* paths of PACKAGES that are not there now, folders too */
	struct mf_strings files;    /* paths of all that comes, where rpm may leave partial files */
};
void mf_undo_done(struct mf_undo *undo);

/*
 * Notes a package about to be installed. REPLACES: a package of its name is installed, and would be
 * missing if this one were taken out. 0 or -ENOMEM.
 */
int mf_undo_note(const struct mf_context *ctx, struct mf_undo *undo, const char *nevra,
		 const struct mf_rpm_header *header, bool replaces);

/* Keeps it below /var/lib/modfetch, synced; forgets it, synced. 0 or -errno, recorded. */
int mf_undo_keep(struct mf_context *ctx, const struct mf_undo *undo);
int mf_undo_forget(struct mf_context *ctx);
/* What a killed run has left: 0; 1 where there is nothing (or nothing whole); -errno, recorded. */
int mf_undo_read(struct mf_context *ctx, struct mf_undo *ret_undo);

/*
 * Undoes: takes PACKAGES and what is FRESH out, partial files too, and finishes the removal of
 * ERASE, which cannot be undone. What is not there (any more) is passed over. The indexes are the
 * caller's affair. 0, or the recorded failure of the rpm transaction.
 */
int mf_undo(struct mf_context *ctx, const struct mf_undo *undo);

/*
 * At the beginning of a run: if one before it was killed, what that had begun is undone and the
 * indexes are made to agree, so that this one starts clean. Only with the lock held. 0, or a
 * recorded failure.
 */
int mf_undo_recover(struct mf_context *ctx);

/* Removes the folders a removed file has left empty, up to the kernel's or its kind's own. */
void mf_undo_prune(const struct mf_context *ctx, const char *path);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_UNDO_H
#define MODFETCH_UNDO_H
/*
 * What it takes to undo a package transaction: made before it, kept on disk until packages and
 * indexes agree again. A run that is killed in between leaves it to the next one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/rpm.h"
#include "modfetch/strings.h"

/* What rpm is about to make where nothing is now, as the package's header has it. */
struct mf_undo_fresh {
	char *path;
	uint32_t mode, mtime; /* as struct mf_rpm_file */
	uint64_t size;
	int update; /* number in UPDATES of its package, or -1: it is one of PACKAGES */
};

struct mf_undo {
	struct mf_strings kernels;  /* whose module directories are about to change */
	struct mf_strings packages; /* to come, "name-evr.arch", of names not installed now */
	struct mf_strings updates;  /* the same, of names that are installed */
	struct mf_strings erase;    /* names to go */
	struct mf_strings files;    /* paths of all that comes, where rpm may leave partial files */
	struct mf_undo_fresh *fresh;
	size_t n_fresh, room_fresh;
};
void mf_undo_done(struct mf_undo *undo);

/*
 * Notes a package about to be installed. REPLACES: a package of its name is installed, and would be
 * missing if this one were taken out. 0 or -ENOMEM.
 */
int mf_undo_note(const struct mf_context *ctx, struct mf_undo *undo, const char *nevra,
		 const struct mf_rpm_header *header, bool replaces);
/* Appends the directories that are among what is fresh. 0 or -ENOMEM. */
int mf_undo_directories(const struct mf_undo *undo, struct mf_strings *ret_paths);

/* Keeps it below /var/lib/modfetch, synced; forgets it, synced. 0 or -errno, recorded. */
int mf_undo_keep(struct mf_context *ctx, const struct mf_undo *undo);
int mf_undo_forget(struct mf_context *ctx);
/* What a killed run has left: 0; 1 where there is nothing (or nothing whole); -errno, recorded. */
int mf_undo_read(struct mf_context *ctx, struct mf_undo *ret_undo);

/*
 * Undoes: takes away what is FRESH and still as rpm has made it, partial files, and PACKAGES from
 * the database; finishes the removal of ERASE, which cannot be undone. A file that somebody else
 * has put in the place of one of these stays, and a package to be erased with it. What is not there
 * (any more) is passed over. The indexes are the caller's affair. 0, or a recorded failure.
 */
int mf_undo(struct mf_context *ctx, const struct mf_undo *undo);

/*
 * At the beginning of a run: if one before it was killed, what that had begun is undone and the
 * indexes are made to agree, so that this one starts clean. Only with the lock held. 0, or a
 * recorded failure.
 */
int mf_undo_recover(struct mf_context *ctx);

#endif

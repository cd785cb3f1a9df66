/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_UNDO_H
#define MODFETCH_UNDO_H
/*
 * The undo record of a package transaction: written before it, kept on disk until packages and
 * indexes agree again. If the run is killed in between, the next run uses it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/rpm.h"
#include "modfetch/strings.h"

/* A path that rpm is about to create where nothing exists now, as in the package's header. */
struct mf_undo_created {
	char *path;
	uint32_t mode, mtime; /* as struct mf_rpm_file */
	uint64_t size;
	int update; /* index in UPDATES of its package; -1: the package is one of PACKAGES */
};

struct mf_undo {
	struct mf_strings kernels; /* kernels with module directories that are about to change */
	struct mf_strings
		packages; /* to be installed, "name-evr.arch", of names not installed now */
	struct mf_strings updates;  /* the same, of names that are installed */
	struct mf_strings replaced; /* labels of the installed versions that these replace */
	struct mf_strings erase;    /* names to be removed */
	struct mf_strings files; /* all paths to be installed: rpm may leave partial files there */
	struct mf_undo_created *created;
	size_t n_created, room_created;
};
void mf_undo_done(struct mf_undo *undo);

/*
 * Adds a package about to be installed. REPLACES: a package of its name is installed, and would be
 * missing if this one were removed. 0 or -ENOMEM.
 */
int mf_undo_note(const struct mf_context *ctx, struct mf_undo *undo, const char *nevra,
		 const struct mf_rpm_header *header, bool replaces);
/* Appends the directories among the created paths. 0 or -ENOMEM. */
int mf_undo_directories(const struct mf_undo *undo, struct mf_strings *ret_paths);

/* Writes it below /var/lib/modfetch, or removes it, synced. 0 or -errno, recorded. */
int mf_undo_write(struct mf_context *ctx, const struct mf_undo *undo);
int mf_undo_forget(struct mf_context *ctx);
/* Reads the record of a killed run: 0; 1: there is none, or no complete one; -errno, recorded. */
int mf_undo_read(struct mf_context *ctx, struct mf_undo *ret_undo);

/*
 * Undoes a transaction: removes the CREATED paths that are still as rpm made them, partial files,
 * and PACKAGES from the database; brings back those of REPLACED that are kept; finishes the removal of ERASE, which cannot be undone. A file
 * that another program has put in the place of one of these stays, and so does the package to be
 * erased that it belongs to. Missing files and packages are passed over. The caller updates the
 * indexes. 0, or a recorded failure.
 */
int mf_undo(struct mf_context *ctx, const struct mf_undo *undo);

/*
 * At the beginning of a run: if an earlier one was killed, undoes its transaction and updates the
 * indexes, so that this run starts clean. Only with the lock held. 0, or a recorded failure.
 */
int mf_undo_recover(struct mf_context *ctx);

#endif

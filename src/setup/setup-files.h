/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SRC_SETUP_SETUP_FILES_H
#define SRC_SETUP_SETUP_FILES_H
/*
 * The files that belong to a repository, for the files of this directory: setup-files.c.
 */
#include <stdbool.h>
#include "modfetch/context.h"
#include "modfetch/setup.h"

#define SETUP_REPOS  "etc/modfetch/repos.d"
#define SETUP_STATES "var/lib/modfetch/repos"
/* The first line of a file of certificates that was written here. */
#define SETUP_KEY_MARK "# Written by modfetch repo add or key import.\n"

/* Is there a file NAME with this ending in a directory below the root? */
bool setup_has_file(const struct mf_context *ctx, const char *directory, const char *name,
		    const char *ending);
/* Removes it. A failure is logged. */
void setup_remove_file(const struct mf_context *ctx, const char *directory, const char *name,
		       const char *ending);
/* Removes the metadata and the mirrors of a repository. A failure is logged. */
void setup_remove_cache(const struct mf_context *ctx, const char *id);

/*
 * Writes the keys of an accepted offer as FILE of keys/repo.d. 0; 1: a file of this name with the same
 * content is there; -EEXIST: one with another content; or another -errno; recorded.
 */
int setup_write_key(struct mf_context *ctx, const char *file, const struct mf_key_offer *offer);

/* Was FILE of keys/repo.d written by setup_write_key()? An OpenPGP keyring has no line to tell. */
bool setup_has_mark(int dirfd, const char *file);

/*
 * Reads a .repo file that is about to be changed: a regular file and no link. RET_TEXT is the caller's
 * to free. 0, -MFE_CONFIG or -errno, recorded.
 */
int setup_read_repo_file(struct mf_context *ctx, const char *file, char **ret_text);
/* Replaces it by TEXT, with its mode and owner. 0 or -errno, recorded. */
int setup_write_repo_file(struct mf_context *ctx, const char *file, const char *text);

#endif

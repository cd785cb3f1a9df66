/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_DIRECTORIES_H
#define MODFETCH_DIRECTORIES_H
/*
 * The list of directories that our transactions have created, so that a removal deletes only these
 * when they are empty.
 */
#include "modfetch/context.h"
#include "modfetch/strings.h"

/*
 * Opens the directory of an absolute PATH; RET_NAME gets the last component, borrowed. A descriptor
 * or -errno; records nothing.
 */
int mf_directories_open_parent(const struct mf_context *ctx, const char *path,
			       const char **ret_name);
/*
 * Adds directories that a transaction is about to create (NULL: none), and drops missing ones from
 * the list. 0 or -errno, recorded.
 */
int mf_directories_update(struct mf_context *ctx, const struct mf_strings *made);
/* Appends the directories of the list, with /usr/lib as /lib. 0 or -errno; records nothing. */
int mf_directories_read(const struct mf_context *ctx, struct mf_strings *ret_paths);
/*
 * Removes the directories that the removal of PATHS has left empty, if we created them, but never
 * the kernel's directory nor a top one like /lib/firmware. If a directory cannot be removed, or the
 * list cannot be read, directories stay; that is no failure.
 */
void mf_directories_prune(struct mf_context *ctx, const struct mf_strings *paths);

#endif

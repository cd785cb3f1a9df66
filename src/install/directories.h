/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_DIRECTORIES_H
#define MODFETCH_DIRECTORIES_H
/*
 * The directories that our transactions have made, so that a removal takes away these when they are
 * empty, and no others.
 */
#include "modfetch/context.h"
#include "modfetch/strings.h"

/*
 * Adds directories that a transaction is about to make (NULL: none), and drops those that are not
 * there. 0 or -errno, recorded.
 */
int mf_directories_update(struct mf_context *ctx, const struct mf_strings *made);
/* Appends those that are written down, with /usr/lib as /lib. 0 or -errno; records nothing. */
int mf_directories_read(const struct mf_context *ctx, struct mf_strings *ret_paths);
/*
 * Removes the directories that the removal of PATHS has left empty, if we made them, up to the
 * kernel's or their kind's own. That one cannot be removed, or that the list cannot be read, is no
 * failure: it stays.
 */
void mf_directories_prune(struct mf_context *ctx, const struct mf_strings *paths);

#endif

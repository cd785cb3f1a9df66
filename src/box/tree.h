/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BOX_TREE_H
#define BOX_TREE_H
#include <stdint.h>
#include <sys/types.h>
#include "modfetch/box.h"

/* The two directories of the file system of a box. */
#define BOX_COPY "copy"
#define BOX_TMP	 "tmp"

/*
 * Makes the file system of a box, of at most SPACE bytes, that is mounted nowhere yet. Its root is
 * root's; the two directories are UID's and GID's. The descriptor of its root, or -errno.
 */
int box_tree_new(uint64_t space, uid_t uid, gid_t gid);
/*
 * Copies the directory SOURCE below the root into BOX_COPY. 0; -ENOSPC: it does not fit; or another
 * -errno; each recorded.
 */
int box_tree_fill(struct mf_context *ctx, int tree, const char *source, uid_t uid, gid_t gid);
/*
 * Takes the file PATH of BOX_COPY, after all processes of the box have ended, as a sealed memory
 * file. The descriptor; -ENOENT: there is none, not recorded; -MFE_TOO_LARGE, -MFE_BAD_MODULE or
 * another -errno, recorded.
 */
int box_tree_take(struct mf_context *ctx, int tree, const char *path, uint64_t max);

#endif

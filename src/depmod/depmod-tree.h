/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DEPMOD_TREE_H
#define DEPMOD_TREE_H
/* The folders of a run of the depmod stage; described in depmod-tree.c. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include "modfetch/context.h"
#include "modfetch/depmod.h"
#include "modfetch/process.h"

/* Zeroed but for the descriptors, -1: none. */
struct dm_tree {
	/*
	 * Set for an image: whatever links and paths lead to is looked for below its root, as if
	 * the image were running. NULL: the running system, or what depmod's own options name.
	 */
	const struct mf_context *image;
	int fd;	       /* lib/modules/KVER */
	int out_fd;    /* where the indexes go; often the same folder */
	char *dirname; /* as depmod would spell it: absolute (in an image, there), to compare paths */
	const char *kernel; /* borrowed */
	struct mf_workers *workers;
	int64_t began;	  /* the clock before anything was looked at, ns since 1970 */
	bool keeps_times; /* a folder's entries change on this file system only with its times */
	uint64_t device;
};

/* Opens the folders. 0, or a code that is recorded. */
int dm_tree_open(struct mf_context *ctx, const struct mf_depmod_options *options,
		 struct dm_tree *tree);

/* A file of the tree that indexes come from; P is NULL where there is none. */
struct dm_input {
	char *p;
	size_t len;
};

/* One that may be missing, which is told. 0, or a code that is recorded. */
int dm_tree_read(struct mf_context *ctx, const struct dm_tree *tree, const char *name,
		 struct dm_input *ret_input);
/* Keeps other runs out of where the indexes go. 0, -MFE_LOCKED or -errno, recorded. */
int dm_tree_lock(struct mf_context *ctx, const struct dm_tree *tree);
/*
 * Opens a file or folder by a path as scans have them. FOLLOWED: a link is known to be in it, or it
 * is an external one. A descriptor or -errno.
 */
int dm_tree_at(const struct dm_tree *tree, const char *path, bool followed, int flags);
/* What an image's links lead to from PATH. 0 or -errno. */
int dm_tree_stat(const struct dm_tree *tree, const char *path, struct stat *ret_st);
void dm_tree_done(struct dm_tree *tree);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DEPMOD_TREE_H
#define DEPMOD_TREE_H
/* The directories of a run, and what is read from them; described in tree.c. */
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
	 * Set for an image: all links and paths are resolved below its root, as if the image were
	 * running. NULL: the running system, or a directory named by depmod's own options.
	 */
	const struct mf_context *image;
	int fd;		    /* lib/modules/KVER */
	int out_fd;	    /* where the indexes go; often the same directory */
	char *dirname;	    /* as depmod spells it: absolute (below an image: in it) */
	const char *kernel; /* borrowed */
	struct mf_workers *workers;
	int64_t began; /* the clock before the first look at the tree, ns since 1970 */
};

/* Opens the directories. 0, or a code that is recorded. */
int dm_tree_open(struct mf_context *ctx, const struct mf_depmod_options *options,
		 struct dm_tree *tree);
void dm_tree_done(struct dm_tree *tree);
/* Keeps other runs out of the output directory. 0, -MFE_LOCKED or -errno, recorded. */
int dm_tree_lock(struct mf_context *ctx, const struct dm_tree *tree);

/* A file of the tree that indexes come from; P is NULL if there is none. */
struct dm_input {
	char *p;
	size_t len;
};

/* Reads one, if there is one. 0, or a code that is recorded. */
int dm_tree_read(struct mf_context *ctx, const struct dm_tree *tree, const char *name,
		 struct dm_input *ret_input);
/* Logs that there is none, once it would be needed. */
void dm_tree_report_missing(struct mf_context *ctx, const struct dm_tree *tree, const char *name,
			    const struct dm_input *input);
/*
 * Opens a file or directory by a path as scans have them. FOLLOWED: the path is absolute, or a link
 * is known to be in it. A descriptor or -errno.
 */
int dm_tree_at(const struct dm_tree *tree, const char *path, bool followed, int flags);
/* stat() with the links of an image resolved below its root. 0 or -errno. */
int dm_tree_stat(const struct dm_tree *tree, const char *path, struct stat *ret_st);

/* A file is unchanged while all of these are the same. Times are ns since 1970. */
struct dm_numbers {
	uint64_t size, inode;
	int64_t mtime, ctime;
};

struct dm_numbers dm_numbers_of(const struct stat *st);
bool dm_numbers_equal(const struct dm_numbers *a, const struct dm_numbers *b);

/* The clock, ns since 1970. */
int64_t dm_now(void);
/*
 * Was something with this change time changed so shortly before or while it was looked at that
 * another change may have left the same time? NOW is the clock after the look.
 */
bool dm_is_racy(const struct dm_tree *tree, int64_t ctime, int64_t now);

#endif

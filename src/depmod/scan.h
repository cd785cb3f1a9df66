/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DEPMOD_SCAN_H
#define DEPMOD_SCAN_H
/* Which module files are in the tree: by looking at all of it, or at what has changed. */
#include "conf.h"
#include "flavor.h"
#include "tree.h"

struct dm_state;

/* One module file. PATH is relative to the tree, or absolute below an external directory. */
struct dm_file {
	const char *path;
	uint32_t path_len, base; /* offset of its last component */
	struct dm_numbers numbers;
	bool external;
	bool linked;	 /* a link, or below one: it can change while its own path stays the same */
	uint32_t record; /* its number in the state, or DM_NONE: filled in by dm_match() */
};

struct dm_scan {
	struct dm_file *files; /* in the order in which depmod finds them */
	size_t n, room;
	bool loose; /* a link leads to a directory or nowhere, or a directory could not be read:
		       files may appear while no path of the tree changes */
	struct mf_arena arenas[16];
};

/* 0, -ENOMEM, or -errno if the tree itself cannot be read; lesser trouble is only reported. */
int dm_scan(struct mf_context *ctx, const struct dm_tree *tree, const struct dm_config *config,
	    const struct dm_flavor *flavor, struct dm_scan *ret_scan);
/*
 * The files that STATE knows, except those that CHANGED names, which are looked at again. Their
 * order is not that of a scan. STATE must be of the indexes as they are now. 0; 1: the whole tree
 * has to be scanned; -ENOMEM.
 */
int dm_scan_changed(const struct dm_tree *tree, const struct dm_config *config,
		    const struct dm_flavor *flavor, const struct dm_state *state,
		    const struct mf_strings *changed, struct dm_scan *ret_scan);
void dm_scan_done(struct dm_scan *scan);

/* Does depmod ignore files and directories of this name, wherever they are? */
bool dm_is_excluded(const struct dm_config *config, const char *name);
bool dm_is_module_name(const struct dm_flavor *flavor, const char *name, size_t len);

#endif

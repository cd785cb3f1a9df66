/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DEPMOD_READ_H
#define DEPMOD_READ_H
#include "match.h"

/* The segment of this run, and the buffers that it is in. */
struct dm_fresh {
	struct dm_segment segment;
	struct dm_buf parts[DM_N_PARTS];
	struct mf_table symbols;
	struct mf_arena arenas[16];
};

/*
 * Reads the facts of all modules that have none, or takes them from what the state knows. The
 * segment also gets a record of each file of SCAN that is no module's and has none of the first
 * N_BASE. 0 or -ENOMEM; a file that is no module is only reported.
 */
int dm_read(struct mf_context *ctx, const struct dm_tree *tree, const struct dm_flavor *flavor,
	    const struct dm_scan *scan, uint32_t n_base, struct dm_modules *modules,
	    struct dm_fresh *ret_fresh);
void dm_fresh_done(struct dm_fresh *fresh);
/* Sets NORM (room for LEN bytes) to the alias as an index has it; its length, or -EINVAL. */
int64_t dm_alias_normalise(const char *alias, size_t len, char *norm);

#endif

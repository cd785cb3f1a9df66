/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DEPMOD_CONFIG_H
#define DEPMOD_CONFIG_H
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"
#include "modfetch/table.h"

enum dm_search_kind { DM_SEARCH_DIRECTORY, DM_SEARCH_BUILTIN, DM_SEARCH_EXTERNAL };

struct dm_search {
	enum dm_search_kind kind;
	const char *directory;
	size_t len;
};

/* All lists are in the order in which depmod looks at them: the last line read comes first. */
struct dm_config {
	struct dm_search *searches;
	size_t n_searches;
	struct mf_strings overrides; /* "directory/name", no ending */
	struct mf_strings externals;
	struct mf_strings excludes;
	struct mf_arena arena;
};

/*
 * Reads PATHS of the running system (NULL: depmod's own directories below the context's root). 0 or
 * -ENOMEM; bad lines are only reported.
 */
int dm_config_read(struct mf_context *ctx, const struct mf_strings *paths, const char *kernel,
		   struct dm_config *ret_config);
void dm_config_done(struct dm_config *config);

#endif

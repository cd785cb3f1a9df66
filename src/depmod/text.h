/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DEPMOD_TEXT_H
#define DEPMOD_TEXT_H
/* The indexes as bytes. */
#include "graph.h"

/* In the order in which depmod writes them; modules.dep.bin is published last all the same. */
enum dm_index {
	DM_DEP,
	DM_DEP_BIN,
	DM_ALIAS,
	DM_ALIAS_BIN,
	DM_SOFTDEP,
	DM_WEAKDEP,
	DM_SYMBOLS,
	DM_SYMBOLS_BIN,
	DM_BUILTIN_BIN,
	DM_BUILTIN_ALIAS_BIN,
	DM_DEVNAME,
};

/* What all indexes are made from. */
struct dm_source {
	struct mf_context *ctx;
	const struct dm_flavor *flavor;
	const struct dm_modules *modules;
	const struct dm_segment *base, *fresh;
	const struct dm_graph *graph;
	struct dm_input builtin, builtin_modinfo;
};

/*
 * Each makes some of the indexes: 0, -ENOMEM or -EFBIG. They may run at the same time. The first
 * two need the graph.
 */
int dm_text_dep(const struct dm_source *src, struct dm_buf *indexes);
int dm_text_symbols(const struct dm_source *src, struct dm_buf *indexes);
int dm_text_alias(const struct dm_source *src, struct dm_buf *indexes);
int dm_text_alias_bin(const struct dm_source *src, struct dm_buf *indexes);
int dm_text_builtin(const struct dm_source *src, struct dm_buf *indexes);
int dm_text_rest(const struct dm_source *src, struct dm_buf *indexes);

/* Puts the nodes of a trie that was made for an index into the flavor's order. 0 or -ENOMEM. */
int dm_text_order(const struct dm_source *src, struct dm_buf *index);

/* The aliases of a module, and how many. */
static inline const struct dm_alias *dm_aliases_of(const struct dm_module *m, uint32_t *ret_n)
{
	*ret_n = m->record->n_aliases;
	return m->segment->aliases + m->record->aliases;
}

#endif

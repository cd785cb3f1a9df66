/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DEPMOD_GRAPH_H
#define DEPMOD_GRAPH_H
#include "select.h"

struct dm_graph {
	uint32_t *owner; /* module that exports a symbol, by symbol id; DM_NONE: none does */
	uint32_t n_symbols;
	uint32_t n_base; /* ids below are the base's symbols, the rest the fresh segment's */
	const struct dm_segment *base, *fresh;
	const uint32_t *fresh_ids;
	struct mf_arena arena;
};

/* 0, -ENOMEM, or -MFE_DEPMOD for dependency cycles, which are reported. */
int dm_graph_build(struct mf_context *ctx, struct dm_modules *modules,
		   const struct dm_segment *base, const struct dm_segment *fresh,
		   struct dm_graph *ret_graph);
void dm_graph_done(struct dm_graph *graph);

#endif

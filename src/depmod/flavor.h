/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DEPMOD_FLAVOR_H
#define DEPMOD_FLAVOR_H
#include <stdint.h>
#include "modfetch/context.h"

/* What the depmod of a root does, by its version and build. Part of the state file. */
struct dm_flavor {
	uint64_t id; /* of the program's file; another id: look at the program again */
	uint32_t version;
	uint8_t endings;	/* bit N: it reads modules with ending N (modfetch/module-name.h) */
	uint8_t weakdep;	/* it writes modules.weakdep */
	uint8_t first_in_order; /* of two equal lines in modules.order the first counts */
	uint8_t parents_first;	/* in a trie, a node comes before its children */
	uint8_t sized_zstd;	/* a compressed module must state its size (modfetch/inflate.h) */
	char symbol_prefix;	/* left out at the beginning of symbols: an option of the run */
	uint8_t reserved[6];
};

/*
 * The depmod below the context's root. KNOWN (may be NULL) is the result of the last run. Never fails: where
 * there is none, it is that of the kmod that this was built with.
 */
void dm_flavor_find(const struct mf_context *ctx, const struct dm_flavor *known,
		    struct dm_flavor *ret_flavor);

#endif

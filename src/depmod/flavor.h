/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DEPMOD_FLAVOR_H
#define DEPMOD_FLAVOR_H
#include <stdint.h>

/* What the installed depmod does, by its version and build. Part of the state file. */
struct dm_flavor {
	uint64_t id; /* of the program's file; another id: ask the program again */
	uint32_t version;
	uint8_t endings;	/* bit N: it reads modules with ending N (modfetch/module-name.h) */
	uint8_t weakdep;	/* it writes modules.weakdep */
	uint8_t first_in_order; /* of two equal lines in modules.order the first counts */
	uint8_t reserved[9];
};

/* KNOWN (may be NULL) is the result of the last run. Never fails: a guess if there is no depmod. */
void dm_flavor_find(const struct dm_flavor *known, struct dm_flavor *ret_flavor);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DEPMOD_MATCH_H
#define DEPMOD_MATCH_H
#include "select.h"
#include "state.h"

/* What of the state is out of use. */
struct dm_match {
	uint32_t *gone; /* records of the base, rising */
	uint32_t n_gone;
	bool news;     /* a file came or went */
	bool new_base; /* all facts go into a new base: see match.c */
};

/*
 * Finds the record of each file of SCAN, numbered through the base and then the recent part, and
 * gives MODULES the facts that still hold. 0 or -ENOMEM.
 */
int dm_match(const struct dm_state *state, struct dm_scan *scan, struct dm_modules *modules,
	     struct dm_match *ret_match);
void dm_match_done(struct dm_match *match);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_PLAN_H
#define MODFETCH_PLAN_H
/*
 * The value resolve hands to fetch, verify and install: what to fetch, where it lies, its digest,
 * and why it comes.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/crypto.h"
#include "modfetch/solve.h"
#include "modfetch/want.h"

struct mf_plan_item {
	char *name, *evr, *arch;
	char *location;		     /* below the repository's base URL, unchecked */
	size_t repo;		     /* place in mf_catalog_repos() */
	uint64_t size, install_size; /* bytes */
	uint8_t sha256[MF_SHA256_LEN];
	struct mf_strings
		modules; /* names of those it says it has, sorted; none: it does not say */
	char *why; /* "asked for", "needed by X for the symbol foo", "recommended by X", "suggested by X" */
	bool asked;  /* it carries what was asked for */
	bool named;  /* see mf_plan_mark_named() */
	size_t step; /* its place in the solution that the plan was made of */
	/* for which of the run's wants it comes; NULL: for a name given to install */
	const struct mf_want *asker;
};

struct mf_plan {
	struct mf_plan_item *items; /* to install, by name */
	size_t n;
	struct mf_strings erase; /* names of installed packages to remove */
	uint64_t download;	 /* bytes */
};

/* From a solution over POOL; who asked is left to the caller. 0; -MFE_BAD_METADATA or -ENOMEM, recorded. */
int mf_plan_make(struct mf_context *ctx, struct mf_pool *pool, const struct mf_solution *solution,
		 struct mf_plan *ret_plan);
/*
 * NAMES are what an admin has typed after "install": who types a package's whole name means this
 * very package.
 */
void mf_plan_mark_named(struct mf_plan *plan, const struct mf_strings *names);
void mf_plan_done(struct mf_plan *plan);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_RESOLVE_H
#define MODFETCH_RESOLVE_H
/*
 * Stage resolve: from wants to a plan, the packages that hold together with what is installed and
 * with this very kernel.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/catalog.h"
#include "modfetch/crypto.h"
#include "modfetch/want.h"

struct mf_plan_item {
	char *name, *evr, *arch;
	char *location;		     /* below the repository's base URL, unchecked */
	size_t repo;		     /* place in mf_catalog_repos() */
	uint64_t size, install_size; /* bytes */
	uint8_t sha256[MF_SHA256_LEN];
	char *why;  /* "asked for", "needed by X for ksym(…)", "recommended by X" */
	bool asked; /* it carries what was asked for */
};

struct mf_plan {
	struct mf_plan_item *items; /* to install, by name */
	size_t n;
	struct mf_strings erase; /* names of installed packages to remove */
	uint64_t download;	 /* bytes */
};

/* What to plan for besides wants: packages or patterns by name, to install or to remove. */
struct mf_selection {
	const struct mf_strings *install;
	const struct mf_strings *remove;
};

/*
 * Plans for the wants that are available, and for a selection (may be NULL). A want that cannot be
 * had together with this kernel loses its state "available" and says why, as long as others remain;
 * if none remains the call fails with that reason. Returns 0; 1: there is nothing to do;
 * -MFE_NOT_FOUND (a name of the selection), -MFE_NO_SYMBOL, -MFE_UNSOLVABLE, -MFE_BAD_METADATA or
 * -errno, recorded.
 */
int mf_resolve(struct mf_context *ctx, struct mf_catalog *catalog, struct mf_wants *wants,
	       const struct mf_selection *selection, struct mf_plan *ret_plan);
void mf_plan_done(struct mf_plan *plan);

#endif

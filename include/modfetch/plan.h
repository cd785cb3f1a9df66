/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_PLAN_H
#define MODFETCH_PLAN_H
/*
 * The value that resolve passes to fetch, verify and install: what to fetch, its location and
 * digest, and the reason for it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/crypto.h"
#include "modfetch/solve.h"
#include "modfetch/want.h"

/* Where the bytes of a package come from. */
enum mf_taken_from {
	MF_TAKEN_FROM_REPOSITORY,
	MF_TAKEN_FROM_STORE, /* a file of this machine: kept, or prefetched */
	MF_TAKEN_FROM_PEER,  /* another machine, which serves its files */
};
/* "repository", "store" or "peer", as in JSON; static. */
const char *mf_taken_from_name(enum mf_taken_from from);

struct mf_plan_item {
	char *name, *evr, *arch;
	char *location; /* below the base URL of the repository, unchecked */
	char *base;	/* the URL that the metadata names in place of that, unchecked; or NULL */
	size_t repo;	/* index into mf_catalog_repos() */
	uint64_t size, install_size; /* bytes */
	uint8_t sha256[MF_SHA256_LEN];
	struct mf_strings modules; /* that it provides, sorted; empty: the metadata names none */
	/* "asked for", "needed by X for the symbol foo", "recommended by X", "suggested by X" */
	char *why;
	char *replaces; /* label of the installed version that it takes the place of, or NULL */
	bool asked;	/* it was requested itself */
	bool named;	/* see mf_plan_mark_named() */
	enum mf_taken_from taken_from;
	size_t step; /* its index in the solution that the plan was made from */
	/* the want that it was added for; NULL: a name given to install */
	const struct mf_want *asker;
};

struct mf_plan {
	struct mf_plan_item *items; /* to install, by name */
	size_t n;
	/* installed packages to remove: "name", or "name-evr.arch" of one of several versions */
	struct mf_strings erase;
	struct mf_strings removed; /* "name-evr.arch" of each of these, in the same order */
	struct mf_strings meant;   /* of these the names of those that the user meant */
	uint64_t download;	   /* bytes to fetch: without those of files of this machine */
	uint64_t install_size;	   /* bytes on disk of the packages to install */
	uint64_t removed_size;	   /* and of those to remove */
};

/*
 * Makes a plan from a solution over POOL; the caller fills in asker. 0; -MFE_BAD_METADATA or
 * -ENOMEM, recorded.
 */
int mf_plan_make(struct mf_context *ctx, struct mf_pool *pool, const struct mf_solution *solution,
		 struct mf_plan *ret_plan);
/* "name-evr.arch" of an item; the caller's to free. NULL: no memory. */
char *mf_plan_item_label(const struct mf_plan_item *item);
/*
 * Sets "named" for the items in NAMES, the words after "install" on the command line: a user who
 * types the whole name of a package means that very package.
 */
void mf_plan_mark_named(struct mf_plan *plan, const struct mf_strings *names);
/* The same for the items whose "name-evr.arch" is in LABELS, which are installed already. */
void mf_plan_mark_again(struct mf_plan *plan, const struct mf_strings *labels);
void mf_plan_done(struct mf_plan *plan);

#endif

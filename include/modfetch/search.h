/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SEARCH_H
#define MODFETCH_SEARCH_H
/*
 * Packages that have to do with some words, among those of the repositories for this kernel and
 * those installed.
 */
#include <stddef.h>
#include "modfetch/catalog.h"
#include "modfetch/context.h"

/* Where a word was found, the best first; the stable words of --json. */
enum mf_found { MF_FOUND_NAME, MF_FOUND_ALIAS, MF_FOUND_SUMMARY, MF_FOUND_DESCRIPTION };
const char *mf_found_name(enum mf_found found);

struct mf_hit {
	int id; /* in the catalog's pool */
	enum mf_found found;
	char *alias;	     /* the pattern, where it was found in one */
	const char *present; /* evr of what is installed by that name, or NULL; the pool's */
};

struct mf_hits {
	struct mf_hit *v; /* better places first, then by name, newer versions first */
	size_t n;
};

/*
 * A package is found where all of TERMS are: in its name, its summary, its description or an alias
 * of one of its modules. Case does not count, nor whether '-' or '_' is written; a term with '*' or
 * '?' is a pattern for the whole of a name or alias; one that some alias matches, as a device's
 * modalias does, finds that alias. 0, or a recorded error.
 */
int mf_search(struct mf_context *ctx, struct mf_catalog *catalog, const struct mf_strings *terms,
	      struct mf_hits *ret_hits);
void mf_hits_done(struct mf_hits *hits);

#endif

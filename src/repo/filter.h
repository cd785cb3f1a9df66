/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SRC_REPO_FILTER_H
#define SRC_REPO_FILTER_H
/*
 * excludepkgs= and includepkgs= of a .repo file: which packages of a repository count as not there.
 */
#include <stdbool.h>
#include "modfetch/repo.h"
#include "modfetch/solv.h"
#include "modfetch/trie.h"

/* Has the repository any of the two? */
bool repo_filter_exists(const struct mf_repo *repo);
/*
 * Is every version of a package of that name excluded? False where a pattern may exclude some of
 * them: then repo_filter_pool() decides.
 */
bool repo_filter_excludes_name(const struct mf_repo *repo, const char *name);
/* Is every package excluded that carries MODULE by the N indexes NAMES, of which some may be NULL? */
bool repo_filter_hides_module(const struct mf_repo *repo, struct mf_trie *const *names, size_t n,
			      const char *module);
/*
 * Removes the excluded packages of ORIGIN, which is REPO, from a pool of whole lists that is not ready
 * yet.
 */
void repo_filter_pool(const struct mf_repo *repo, struct mf_pool *pool, int origin);

#endif

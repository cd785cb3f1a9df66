/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RESOLVE_HELD_VERSIONS_H
#define RESOLVE_HELD_VERSIONS_H
/* The versions of drivers that are held for other kernels than that of the plan. */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/resolve.h"
#include "modfetch/rules.h"
#include "modfetch/solv.h"
#include "modfetch/strings.h"

/* Zeroed: none. */
struct resolve_held_versions {
	struct mf_strings names, evrs; /* of each package */
};

/* Adds what RULES (NULL: none) hold of the packages of other kernels in the pool. 0 or -ENOMEM. */
int resolve_held_versions_read(const struct mf_rules *rules, const struct mf_pool *pool,
			       struct resolve_held_versions *held);
/*
 * Is a package the same driver in the same version as one of them? What a build for another kernel
 * has of its own does not count: the end of the name, the release, and "_k6.4.0_150600.21".
 */
bool resolve_held_versions_has(const struct resolve_held_versions *held,
			       const struct mf_package *package);
/*
 * mf_pool_other_builds(), and the packages that must be left out first so that a driver comes in the
 * version that is held: its other versions, if this one is in a repository. RET_IDS is the caller's,
 * also after a failure. 0 or -ENOMEM.
 */
int resolve_held_other_builds(const struct mf_judge *judge, int **ret_ids, size_t *ret_n);
void resolve_held_versions_done(struct resolve_held_versions *held);

#endif

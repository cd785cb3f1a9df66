/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SCOPE_H
#define MODFETCH_SCOPE_H
/*
 * The part of a pool that a plan can depend on: the packages that match the queries, all that they
 * need, recommend or exclude, other versions of each, and the installed packages that would be
 * affected.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/pipeline.h"
#include "modfetch/solv.h"

struct mf_scope {
	int *ids; /* packages, without the solvable of the system */
	size_t n, room;
	bool *has; /* has[id]: is the package in the scope? */
	size_t n_has;
	struct mf_strings needs; /* names that packages of the scope need; sorted */
};

/*
 * Finds the scope of a run; IMAGE is the name of the kernel-image package. The caller passes
 * RET_SCOPE to mf_scope_done(). 0 or -ENOMEM; records nothing.
 */
int mf_scope_find(struct mf_pool *pool, const struct mf_run *run, const char *image,
		  struct mf_scope *ret_scope);
/* Does a package of the scope need NAME? */
bool mf_scope_needs(const struct mf_scope *scope, const char *name);
void mf_scope_done(struct mf_scope *scope);

#endif

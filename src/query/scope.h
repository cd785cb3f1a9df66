/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SCOPE_H
#define MODFETCH_SCOPE_H
/*
 * The part of a pool that a plan can depend on: the packages of what was asked for, all they need,
 * recommend or exclude, other versions of each, and what is installed and would be touched.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/pipeline.h"
#include "modfetch/solv.h"

struct mf_scope {
	int *ids; /* packages; the system's solvable is none */
	size_t n, room;
	bool *has; /* by id */
	size_t n_has;
	struct mf_strings needs; /* names that some of them speak of; sorted once it is found */
};

/* 0 or -ENOMEM; records nothing. */
int mf_scope_find(struct mf_pool *pool, const struct mf_run *run, const char *image,
		  struct mf_scope *ret_scope);
/* Does some package of the scope need what is called so? */
bool mf_scope_needs(const struct mf_scope *scope, const char *name);
void mf_scope_done(struct mf_scope *scope);

#endif

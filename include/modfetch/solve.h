/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SOLVE_H
#define MODFETCH_SOLVE_H
/*
 * Plans over a pool of packages: jobs in, steps or problems out.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/solv.h"

struct mf_job {
	bool erase;
	const int *ids; /* install: one of them is enough; erase: all of them */
	size_t n;
};

struct mf_step {
	int id;
	bool erase;
	int needed_by;	  /* the package whose dependency brought it; 0: it was asked for */
	char *dep;	  /* that dependency, or NULL */
	bool recommended; /* a recommendation, not a need */
	bool suggested;	  /* a suggestion that counts as one (mf_pool_promote_suggests) */
};

/* A part of why there is no plan, of the first problem. */
enum mf_clash {
	MF_CLASH_MISSING,  /* FROM needs DEP, which nothing provides */
	MF_CLASH_REFUSED,  /* FROM must not be installed */
	MF_CLASH_CONFLICT, /* FROM and TO cannot be installed together */
	MF_CLASH_NEEDS,	   /* FROM needs DEP; who provides it has a problem of its own */
};

struct mf_solver_problem {
	enum mf_clash clash;
	int from, to;
	char *dep; /* "ksym(amd64:foo) = 1f2e", or NULL */
};

struct mf_solution {
	struct mf_step *steps;
	size_t n;
	bool solved;
	struct mf_solver_problem *problems; /* where not solved */
	size_t n_problems;
};

/* Whether a package may be installed; all may at first. */
void mf_pool_refuse(struct mf_pool *pool, int id, bool refused);

/*
 * From now on a job may name an older version of an installed package, or one of another vendor. So
 * may the plan use them for other packages: the caller checks that no step goes back unasked.
 */
void mf_pool_allow_versions(struct mf_pool *pool);

/*
 * What is installed stays, and recommendations of what was installed before do not count. 0 (look
 * at solved) or -ENOMEM.
 */
int mf_pool_solve(struct mf_pool *pool, const struct mf_job *jobs, size_t n,
		  struct mf_solution *ret_solution);
/* Is an installed package removed or replaced? */
bool mf_solution_replaces(const struct mf_solution *solution);
void mf_solution_done(struct mf_solution *solution);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RESOLVE_PLANNING_H
#define RESOLVE_PLANNING_H
/* The state of one mf_resolve(), which its parts share: jobs.c makes the jobs, resolve.c solves them. */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/resolve.h"
#include "modfetch/solve.h"
#include "solver-problem.h"

struct planning {
	struct mf_context *ctx;
	struct mf_catalog *catalog;
	struct mf_judge judge;
	const struct mf_selection *selection;
	struct mf_pool *pool;
	struct mf_job *jobs;
	const struct mf_want **askers; /* one per job; NULL: a name given to install */
	size_t n_jobs, jobs_room, askers_room;
	struct mf_refusals refusals;
	struct mf_scriptlets scriptlets; /* that were found in packages */
	size_t n_unreported;		 /* the first ones of refusals: of no plan in particular */
	size_t n_known;	  /* these and the packages that were refused earlier in this run */
	bool any_package; /* any package that contains the module, not only the best */
	/* built for other kernels, while there is one of that name for this kernel */
	int *other_builds;
	size_t n_other_builds;
	bool replaces; /* the last plan removes or replaces an installed package */
};

/*
 * Makes the jobs for the first N wants and the selection, in place of earlier ones. 0; -MFE_NOT_FOUND (a
 * name or version of the selection) or -ENOMEM, recorded.
 */
int resolve_collect_jobs(struct planning *p, const struct mf_want *wants, size_t n);
void resolve_clear_jobs(struct planning *p);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RESOLVE_VERSION_H
#define RESOLVE_VERSION_H
/*
 * Plans for a certain version of a package, which may be older than the installed one, and the
 * versions that were taken back.
 */
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/repo.h"
#include "modfetch/resolve.h"
#include "modfetch/solv.h"
#include "solver-problem.h"

/*
 * The packages of repositories that VERSION means: of several with that label a kept one alone, which
 * needs no network. RET_IDS is the caller's. 0 or -ENOMEM.
 */
int mf_version_find(struct mf_pool *pool, const struct mf_repos *repos,
		    const struct mf_version *version, int **ret_ids, size_t *ret_n);
/*
 * The packages that a user means by NAME-VERSION or NAME-VERSION-RELEASE, installed ones included;
 * NAME as in mf_choice_find(). 0 or -ENOMEM.
 */
int mf_version_find_text(struct mf_pool *pool, const char *text, int **ret_ids, size_t *ret_n);

/*
 * Refuses each step of a solution that is older than the installed version which it replaces, unless
 * one of the JOBS is for that very package. Returns how many, or -ENOMEM.
 */
int mf_version_refuse_older(struct mf_refusals *refusals, const struct mf_solution *solution,
			    const struct mf_job *jobs, size_t n_jobs);
/*
 * Refuses the packages that were taken back (modfetch/taken-back.h), except VERSIONS. 0 or a recorded
 * failure.
 */
int mf_version_refuse_taken_back(struct mf_context *ctx, const struct mf_selection *selection,
				 struct mf_refusals *refusals);

#endif

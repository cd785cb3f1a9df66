/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_JUDGE_H
#define MODFETCH_JUDGE_H
/*
 * Policy about a package as a whole: what the tree would hold is every module in it, whichever of
 * them was asked for. First by its metadata, and once it is here by its list of files.
 */
#include <stddef.h>
#include "modfetch/catalog.h"
#include "modfetch/plan.h"
#include "modfetch/policy.h"
#include "modfetch/rpm-header.h"
#include "modfetch/want.h"

/* Packages that were refused for what their files are, after they were downloaded. */
struct mf_verdicts {
	struct mf_strings nevras;
	struct mf_strings whys; /* one clause each */
};
/* Notes one; WHY is copied. 0 or -ENOMEM. */
int mf_verdicts_add(struct mf_verdicts *verdicts, const char *nevra, const char *why);
/* Why the package was refused, or NULL. Borrowed. */
const char *mf_verdicts_find(const struct mf_verdicts *verdicts, const struct mf_package *package);
void mf_verdicts_done(struct mf_verdicts *verdicts);

struct mf_judge {
	const struct mf_policy *policy;
	const struct mf_repos *repos;
	struct mf_pool *pool;		   /* none is needed for files */
	const struct mf_verdicts *refused; /* or NULL */
};

/*
 * May package ID of a repository come for WANT (NULL: for a name that somebody gave to install)?
 * MODULE is the module of it that is wanted, or NULL; the others are those it provides. 0: it may;
 * 1: it may not, and RET_WHY (the caller's) is one clause with the module and the rule; -ENOMEM.
 */
int mf_judge_package(const struct mf_judge *judge, int id, const struct mf_want *want,
		     const char *module, char **ret_why);

/*
 * The packages that carry the module of MATCH and may come for WANT; those that are installed may.
 * RET_IDS is the caller's to free. If none of several may, RET_WHY (the caller's) says why not the
 * first. 0 or -ENOMEM.
 */
int mf_judge_carriers(const struct mf_judge *judge, const struct mf_want *want,
		      const struct mf_match *match, int **ret_ids, size_t *ret_n, char **ret_why);

/*
 * What the match stage could not see: modules whose packages are all refused for another module in
 * them are refused too, and a want of which nothing is left is denied. 0 or -ENOMEM.
 */
int mf_judge_wants(const struct mf_judge *judge, struct mf_wants *wants);

/* mf_judge_package() of a package that is here, by the modules among its files. */
int mf_judge_files(const struct mf_judge *judge, const struct mf_plan_item *item,
		   const struct mf_rpm_header *header, char **ret_why);

#endif

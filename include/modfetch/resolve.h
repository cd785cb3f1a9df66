/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_RESOLVE_H
#define MODFETCH_RESOLVE_H
/*
 * Stage resolve: from wants to a plan, the packages that hold together with what is installed and
 * with this very kernel.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/catalog.h"
#include "modfetch/plan.h"
#include "modfetch/policy.h"
#include "modfetch/rpm.h"
#include "modfetch/want.h"

/* What to plan for besides wants: packages or patterns by name, to install or to remove. */
struct mf_selection {
	const struct mf_strings *install;
	const struct mf_strings *remove;
	const struct mf_verdicts *refused; /* packages that must not come */
};

/*
 * Plans for the wants that are available, and for a selection (may be NULL). A module whose packages
 * the policy all refuses, for any module in them, is refused; what is only recommended is left out,
 * with a line in the log. A want that cannot be had, with this kernel, with the others or because the policy refuses what it needs, loses its
 * state "available" and says why; if none remains the call fails with that reason. Returns 0; 1:
 * there is nothing to do; -MFE_NOT_FOUND (a name of the selection), -MFE_NO_SYMBOL, -MFE_DENIED,
 * -MFE_WRONG_KERNEL, -MFE_UNSOLVABLE, -MFE_BAD_METADATA or -errno, recorded.
 */
int mf_resolve(struct mf_context *ctx, struct mf_catalog *catalog, const struct mf_policy *policy,
	       struct mf_wants *wants, const struct mf_selection *selection,
	       struct mf_plan *ret_plan);

/*
 * Policy about a package as a whole: what the tree would hold is every module in it, whichever of
 * them was asked for. First by its metadata, and once it is here by its list of files.
 */

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

/*
 * Would a package take the place of a module or of firmware that the machine or its kernel's own
 * repository has (promise P28)? Only the admin says that it may: by prefer=1 or a
 * better priority of its repository, or by naming the package after "install".
 */

/*
 * Checks the packages of a plan, by the header of each, against each kernel that they
 * have modules for; reads the rpm database and the trees of these kernels, changes nothing. 0;
 * -MFE_FORBIDDEN_FILE, recorded with what would be shadowed and the ways out; another recorded
 * failure.
 */
int mf_shadow_check(struct mf_context *ctx, struct mf_catalog *catalog,
		    const struct mf_policy *policy, const struct mf_plan *plan,
		    const struct mf_rpm_header *const *headers);

/*
 * Which of several packages that carry a module: the one of the repository with the better
 * priority; then of one that the admin prefers; then the kernel's own driver before one built
 * elsewhere; then the newer; then, so that it is always the same, by name. Who wants an out-of-box
 * driver says so by its repository's priority= or prefer=, or denies the other.
 */

/* Sorts the packages IDS of the catalog's pool, the best first. */
void mf_choice_sort(struct mf_catalog *catalog, struct mf_pool *pool, int *ids, size_t n);
/* The repository that the kernel comes from: its place in mf_catalog_repos(), or -1. */
int mf_choice_home(struct mf_catalog *catalog, struct mf_pool *pool);
/* Gives the pool's repositories the same order, for what the solver chooses by itself. */
void mf_choice_rank(struct mf_catalog *catalog, struct mf_pool *pool);

enum mf_which { MF_WHICH_INSTALLED, MF_WHICH_AVAILABLE, MF_WHICH_ANY };
/*
 * The packages of that name, or (except where only installed ones count) that provide it. RET_IDS
 * is the caller's to free. 0 or -ENOMEM.
 */
int mf_choice_find(struct mf_pool *pool, const char *name, enum mf_which which, int **ret_ids,
		   size_t *ret_n);

#endif

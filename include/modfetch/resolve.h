/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_RESOLVE_H
#define MODFETCH_RESOLVE_H
/*
 * Stage resolve: makes a plan from wants: the packages that fit together with what is installed and
 * with the target kernel.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/catalog.h"
#include "modfetch/plan.h"
#include "modfetch/policy.h"
#include "modfetch/rpm.h"
#include "modfetch/scriptlets.h"
#include "modfetch/want.h"

/* One version of a package. */
struct mf_version {
	const char *label; /* "name-evr.arch" */
	const char *repo;  /* the id of its repository; NULL: any, a kept package first */
};

/* Packages to plan for besides wants: names or patterns to install or to remove. */
struct mf_selection {
	const struct mf_strings *install;
	const struct mf_strings *remove;
	/* "name-evr.arch" of installed packages to install once more, the very same ones */
	const struct mf_strings *again;
	/* to install in the place of the installed versions, which may be newer */
	const struct mf_version *versions;
	size_t n_versions;
	const struct mf_verdicts *refused; /* packages that must not be installed */
	/* rules to hold do not count: the kernel of the packages to remove is gone */
	bool held_too;
	/*
	 * The user typed the names. One to remove may have any form that mf_package_meant() knows; one to
	 * install that no package has may be a module, an alias or a modalias, which the pipeline makes
	 * a want of.
	 */
	bool any_form;
};

/*
 * Plans for the wants with the state "available", and for a selection (may be NULL). A module is
 * refused if the policy refuses all its packages, for any module in them; a refused package that
 * was only recommended is left out, with a line in the log. A want that cannot be satisfied, with
 * this kernel, together with the others, or because the policy refuses what it needs, loses its
 * state "available" and gets a reason; if no want remains, the call fails with that reason. So does
 * a want whose module is missing though its package is installed. Returns 0; 1: there is nothing to
 * do; -MFE_NOT_FOUND (a name of the selection), -MFE_NO_SYMBOL, -MFE_MISPLACED, -MFE_DENIED, -MFE_SCRIPTLET, -MFE_WRONG_KERNEL, -MFE_UNSOLVABLE, -MFE_BAD_METADATA or -errno, recorded.
 */
int mf_resolve(struct mf_context *ctx, struct mf_catalog *catalog, const struct mf_policy *policy,
	       struct mf_wants *wants, const struct mf_selection *selection,
	       struct mf_plan *ret_plan);

/*
 * The policy about whole packages: installing one adds every module in it, not only the requested
 * one. It is checked against the metadata first, and against the list of files after the download.
 */

/* Packages that were refused for their files, after the download. */
struct mf_verdicts {
	struct mf_strings nevras;
	struct mf_strings whys; /* one clause each */
	/* those of NEVRAS that have their modules in a place where the kernel does not look */
	struct mf_strings misplaced;
};
/* Adds one; NEVRA and WHY are copied. 0 or -ENOMEM. */
int mf_verdicts_add(struct mf_verdicts *verdicts, const char *nevra, const char *why);
/* The reason why the package was refused, or NULL. Borrowed. */
const char *mf_verdicts_find(const struct mf_verdicts *verdicts, const struct mf_package *package);
/* -MFE_MISPLACED or -MFE_DENIED, for a package that was refused. */
int mf_verdicts_code(const struct mf_verdicts *verdicts, const struct mf_package *package);
void mf_verdicts_done(struct mf_verdicts *verdicts);

struct mf_judge {
	const struct mf_policy *policy;
	const struct mf_rules *rules; /* to hold and to prefer; NULL: none */
	const struct mf_repos *repos;
	struct mf_pool *pool;		   /* not needed by mf_judge_files() */
	const struct mf_verdicts *refused; /* or NULL */
	/* says which packages have the alias of a want; NULL: not looked at */
	const struct mf_catalog *catalog;
	/* packages that were found to have scriptlets, or NULL: only what the metadata says */
	const struct mf_scriptlets *scriptlets;
};

/*
 * Checks whether package ID of a repository may be installed for WANT (NULL: for a name given to
 * install). MODULE is the wanted module in it, or NULL; the others are those it provides. 0:
 * allowed; 1: refused, and RET_WHY (the caller's) is one clause with the module and the rule;
 * -ENOMEM.
 */
int mf_judge_package(const struct mf_judge *judge, int id, const struct mf_want *want,
		     const char *module, char **ret_why);

/*
 * Finds the packages that contain the module of MATCH, which is not on disk, and are allowed for
 * WANT. If an alias led to the module, only those count that have it: another version, or the package of
 * another repository, may not know the device. An installed package is none of them: its module is not where the kernel looks. RET_IDS is
 * the caller's to free. If none is left, RET_WHY (the caller's) is the reason of the first. 0 or
 * -ENOMEM.
 */
int mf_judge_carriers(const struct mf_judge *judge, const struct mf_want *want,
		      const struct mf_match *match, int **ret_ids, size_t *ret_n, char **ret_why);

/*
 * Applies refusals that the match stage cannot know: a module is refused if all its packages are
 * refused for another module in them, and a want without any module left is denied. 0 or -ENOMEM.
 */
int mf_judge_wants(const struct mf_judge *judge, struct mf_wants *wants);

/* mf_judge_package() for a downloaded package, by the modules among its files. */
int mf_judge_files(const struct mf_judge *judge, const struct mf_plan_item *item,
		   const struct mf_rpm_header *header, char **ret_why);

/*
 * Checks whether a package would replace a module or firmware that the machine, or the repository
 * of its kernel, has (promise P28). Only the administrator can allow it: by prefer=1 or a better
 * priority of the repository, or by naming the package after "install".
 */

/*
 * Checks the packages of a plan, by the header of each, against each kernel that they have modules
 * for. Reads the rpm database and the module trees of these kernels, writes nothing. 0;
 * -MFE_FORBIDDEN_FILE, recorded with the file that would be replaced and how to allow it; or
 * another recorded failure.
 */
int mf_shadow_check(struct mf_context *ctx, struct mf_catalog *catalog,
		    const struct mf_policy *policy, const struct mf_plan *plan,
		    const struct mf_rpm_header *const *headers);

/*
 * The order of preference among packages that contain a module: first the version that is held for
 * another kernel of the machine; then the better priority of the repository; then the packages that
 * a rule of policy.d prefers by package or module; then those of a repository that a rule or its
 * prefer= prefers; then the kernel's own driver before one built
 * elsewhere; then a driver that was built for this very kernel; then the newer version; then the name, so that the result is always the same. To get
 * an out-of-tree driver the administrator prefers it by a rule, sets priority= or prefer= of its
 * repository, or denies the other package.
 */

/*
 * Sorts the packages IDS of the judge's pool, the best first, by the judge's rules. MODULE: the
 * module that they are to be installed for, or NULL.
 */
void mf_choice_sort(struct mf_catalog *catalog, const struct mf_judge *judge, const char *module,
		    int *ids, size_t n);
/* The index of the repository of the kernel in mf_catalog_repos(), or -1. */
int mf_choice_kernel_repo(struct mf_catalog *catalog, struct mf_pool *pool);
/*
 * Sets the priorities of the repositories in the judge's pool to the same order, for the solver, as
 * far as it depends on the repository alone.
 */
void mf_choice_rank(struct mf_catalog *catalog, const struct mf_judge *judge);

enum mf_which { MF_WHICH_INSTALLED, MF_WHICH_AVAILABLE, MF_WHICH_ANY };
/*
 * Finds the packages of that name, or (except with MF_WHICH_INSTALLED) that provide it. Installed
 * packages of other kernels are left out, for MF_WHICH_INSTALLED unless all are of other kernels.
 * RET_IDS is the caller's to free. 0 or -ENOMEM.
 */
int mf_choice_find(struct mf_pool *pool, const char *name, enum mf_which which, int **ret_ids,
		   size_t *ret_n);
/* The same for the packages of repositories with this label, "name-evr.arch". */
int mf_choice_find_label(struct mf_pool *pool, const char *label, int **ret_ids, size_t *ret_n);

/* What a name that a user typed means, the form that decides first. */
enum mf_meaning {
	MF_MEANS_NAME,	  /* its full name */
	MF_MEANS_VERSION, /* "igb-kmp-1.2", with or without release, epoch and architecture */
	MF_MEANS_SHORT,	  /* its name without kernel, or without kernel and flavor: "igb-kmp" */
	MF_MEANS_MODULE,  /* a module in it: "igb", "igb.ko", or a path of that file */
	MF_MEANS_NOTHING,
};
/*
 * Does NAME mean the package ID? KERNEL: the release of the run. A package of a kernel is never meant by
 * one of its modules; patterns mean nothing. Sets RET_MEANING. 0 or -ENOMEM; records nothing.
 */
int mf_package_meant(struct mf_pool *pool, int id, const char *kernel, const char *name,
		     enum mf_meaning *ret_meaning);
/*
 * Is a package of a repository, or an installed one, called NAME, or is NAME a version of one ("igb-kmp-1.2")?
 * 1, 0 or -ENOMEM; records nothing.
 */
int mf_package_is_called(struct mf_pool *pool, const char *name);

#endif

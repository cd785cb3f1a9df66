/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_CATALOG_H
#define MODFETCH_CATALOG_H
/*
 * All enabled repositories as one, seen by one kernel: which modules match an alias, which package
 * carries a module, and, opened only when a plan is needed, the pool of packages with what is
 * installed.
 */
#include <stdbool.h>
#include "modfetch/context.h"
#include "modfetch/repo.h"
#include "modfetch/solv.h"
#include "modfetch/strings.h"

struct mf_catalog;

/*
 * Opens the caches of all enabled repositories for the context's kernel. A repository without one
 * is skipped with a warning. 0, -MFE_NO_REPOSITORY (none enabled), -MFE_NO_METADATA (none has a
 * cache), -MFE_CONFIG or -errno, recorded.
 */
int mf_catalog_open(struct mf_context *ctx, struct mf_catalog **ret_catalog);
/*
 * The same with N sets of package files of this machine, which come last in mf_catalog_repos() and are
 * only in a pool of whole lists. LOCALS is borrowed as long as the catalog. Without N it may fail for
 * the lack of repositories or metadata, with N it does not. Also -MFE_NO_KEYS, recorded.
 */
struct mf_local;
int mf_catalog_open_local(struct mf_context *ctx, const struct mf_local *locals, size_t n,
			  struct mf_catalog **ret_catalog);
void mf_catalog_free(struct mf_catalog *catalog);

const struct mf_repos *mf_catalog_repos(const struct mf_catalog *catalog);
/* "amd64-6.1.0_56": what this kernel's packages end in. */
const char *mf_catalog_tag(const struct mf_catalog *catalog);

/*
 * Where a repository has drivers for other kernels of this flavor and none for this one, or no
 * repository has drivers for this kernel: a clause that says so and what would help, or NULL.
 */
const char *mf_catalog_moved(const struct mf_catalog *catalog);

/*
 * Called for one match: the pattern, the module, and the repository's place in mf_catalog_repos(). A
 * non-zero return ends it.
 */
typedef int mf_catalog_visit(void *arg, const char *pattern, const char *value, size_t repo);
/* The modules whose alias matches NAME; in repository order. 0, the visitor's return, or
 * -MFE_BAD_INDEX. */
int mf_catalog_aliases(const struct mf_catalog *catalog, const char *name, mf_catalog_visit *visit,
		       void *arg);
/*
 * Where packages of one module in a repository differ in their aliases: those with an alias that matches
 * NAME. The pattern is the module and VALUE "name-evr.arch". If any package of a module is visited, the
 * others of the repository have no such alias; if none is, all have it or none, as mf_catalog_aliases() says.
 * Packages that are excluded by the configuration are visited too. As above.
 */
int mf_catalog_carriers(const struct mf_catalog *catalog, const char *name, mf_catalog_visit *visit,
			void *arg);
/* Every alias that counts for this kernel, with its module. As above. */
int mf_catalog_walk(const struct mf_catalog *catalog, mf_catalog_visit *visit, void *arg);
/* The packages that carry a module of that name; VALUE is the package's name. As above. */
int mf_catalog_module(const struct mf_catalog *catalog, const char *module, mf_catalog_visit *visit,
		      void *arg);

/*
 * Visits every module (its name as the pattern, its package as the value), or every alias without a
 * bus (the module as the value), some of them more than once. As above.
 */
int mf_catalog_each_module(const struct mf_catalog *catalog, mf_catalog_visit *visit, void *arg);
int mf_catalog_each_alias(const struct mf_catalog *catalog, mf_catalog_visit *visit, void *arg);
/* Visits each module that others ask for when they run, with one that asks for it as the value. */
int mf_catalog_each_request(const struct mf_catalog *catalog, mf_catalog_visit *visit, void *arg);

/*
 * The pool: packages of all repositories for this kernel (origin: place in mf_catalog_repos()),
 * those installed but for packages of other kernels (mf_pool_set_kernel()), and the system's solvable for a kernel and modules no package owns. For plans: of
 * what packages export and need of each other's exports it has what a plan depends on. Loaded at
 * the first call; belongs to the catalog. 0 or a recorded error.
 */
int mf_catalog_pool(struct mf_context *ctx, struct mf_catalog *catalog, struct mf_pool **ret_pool);
/*
 * The same with all that packages export and need, and with their texts: to show it, or to find out
 * why there is no plan. Ids of a pool that was there before are no longer valid.
 */
int mf_catalog_pool_whole(struct mf_context *ctx, struct mf_catalog *catalog,
			  struct mf_pool **ret_pool);
/* The same for removals: installed packages of other kernels count too, and need what they need. */
int mf_catalog_pool_removal(struct mf_context *ctx, struct mf_catalog *catalog,
			    struct mf_pool **ret_pool);
/* Is it that of mf_catalog_pool_whole()? It can be after mf_catalog_pool() too. */
bool mf_catalog_is_whole(const struct mf_catalog *catalog);

/*
 * Reads what is new in the rpm database into the cache of installed packages, so that the next plan
 * need not: after a transaction, a refresh, a boot. After a change just now it waits a moment, until
 * another change would have another time. Never fails: the next plan does what is left.
 */
void mf_installed_refresh(struct mf_context *ctx);

#endif

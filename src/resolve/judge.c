/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checks every module of a package against the policy, for the want that the package was added for:
 * the device or name at the end of the chain of dependencies and recommendations.
 *
 * One denied module refuses the whole package, since a package can only be installed as a whole.
 * For the modules that were not requested, a rule applies as for the requested one: blacklists
 * apply to packages added for a device or an alias, and not to those requested by their own name.
 *
 * The metadata is used as far as it goes. Modules that it does not name (foreign packages provide
 * no kmod(…), only their files show them) are checked by the header of the downloaded and verified
 * file, before anything is installed.
 */
#include "modfetch/resolve.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "bound.h"
#include "scripts.h"

int mf_verdicts_add(struct mf_verdicts *verdicts, const char *nevra, const char *why)
{
	int r = mf_strings_add(&verdicts->nevras, nevra);

	return r < 0 ? r : mf_strings_add(&verdicts->whys, why);
}

const char *mf_verdicts_find(const struct mf_verdicts *verdicts, const struct mf_package *package)
{
	_cleanup_free_ char *nevra = NULL;

	if (!verdicts || !verdicts->whys.n)
		return NULL;
	nevra = mf_package_label(package);
	if (!nevra)
		return NULL;
	for (size_t i = 0; i < verdicts->whys.n; i++)
		if (!strcmp(verdicts->nevras.v[i], nevra))
			return verdicts->whys.v[i];
	return NULL;
}

int mf_verdicts_code(const struct mf_verdicts *verdicts, const struct mf_package *package)
{
	_cleanup_free_ char *nevra = mf_package_label(package);

	return nevra && mf_strings_has(&verdicts->misplaced, nevra) ? -MFE_MISPLACED : -MFE_DENIED;
}

void mf_verdicts_done(struct mf_verdicts *verdicts)
{
	mf_strings_done(&verdicts->misplaced);
	mf_strings_done(&verdicts->nevras);
	mf_strings_done(&verdicts->whys);
}

struct judgement {
	const struct mf_policy *policy;
	struct mf_request request;
	char *why;
};

/* Did anything but its own name match a module of the package, for this want? */
static bool judge_is_by_alias(const struct mf_want *want, const char *package)
{
	for (size_t i = 0; want && i < want->n_matches; i++)
		if (mf_strings_has(&want->matches[i].packages, package))
			return mf_match_by_alias(want, &want->matches[i]);
	return false;
}

static void judge_begin(struct judgement *j, const struct mf_want *want, const char *package,
			const char *repository)
{
	j->request = (struct mf_request){
		.want = want,
		.package = package,
		.repository = repository,
		.by_alias = judge_is_by_alias(want, package),
	};
}

static int judge_module(struct judgement *j, const char *module)
{
	j->request.module = module;
	return mf_policy_check(j->policy, &j->request, &j->why);
}

static int judge_on_provide(void *arg, const char *name, const char *evr)
{
	char module[MF_MODULE_NAME_SIZE];

	return mf_dep_module(name, module, sizeof(module)) ? judge_module(arg, module) : 0;
}

int mf_judge_package(const struct mf_judge *judge, int id, const struct mf_want *want,
		     const char *module, char **ret_why)
{
	struct judgement j = { .policy = judge->policy };
	struct mf_package package;
	int r;

	mf_pool_package(judge->pool, id, &package);
	judge_begin(&j, want, package.name, judge->repos->v[package.origin].id);
	r = judge_module(&j, module);
	if (!r)
		r = mf_pool_deps(judge->pool, id, MF_PROVIDES, judge_on_provide, &j);
	if (r == 1)
		*ret_why = j.why;
	return r;
}

/* ---- the packages of a module ---- */

/* Finds all packages that contain it. RET_IDS is the caller's to free, also after a failure. */
static int judge_find_carriers(struct mf_pool *pool, const struct mf_match *match, int **ret_ids,
			       size_t *ret_n)
{
	enum mf_which which = match->broken ? MF_WHICH_AVAILABLE : MF_WHICH_ANY;

	for (size_t i = 0; i < match->packages.n; i++) {
		_cleanup_free_ int *more = NULL;
		size_t n_more = 0;
		int *both, r;

		r = mf_choice_find(pool, match->packages.v[i], which, &more, &n_more);
		if (r < 0)
			return r;
		both = reallocarray(*ret_ids, *ret_n + n_more + 1, sizeof(*both));
		if (!both)
			return -ENOMEM;
		*ret_ids = both;
		for (size_t j = 0; j < n_more; j++)
			both[(*ret_n)++] = more[j];
	}
	return 0;
}

struct carrying {
	const char *module;
	bool this; /* the package has it */
};

static int judge_on_module(void *arg, const char *name, const char *evr)
{
	struct carrying *carrying = arg;
	char module[MF_MODULE_NAME_SIZE];

	carrying->this |=
		mf_dep_module(name, module, sizeof(module)) && !strcmp(module, carrying->module);
	return 0;
}

/*
 * Leaves out versions of the packages that do not have the module, unless none says that it has it:
 * a driver may have moved into the package, or out of it.
 */
static int keep_carrying(struct mf_pool *pool, const char *module, int *ids, size_t *n)
{
	_cleanup_free_ struct carrying *carrying = calloc(*n + 1, sizeof(*carrying));
	size_t kept = 0;
	bool any = false;

	if (!carrying)
		return -ENOMEM;
	for (size_t i = 0; i < *n; i++) {
		carrying[i].module = module;
		(void)mf_pool_deps(pool, ids[i], MF_PROVIDES, judge_on_module, &carrying[i]);
		any |= carrying[i].this;
	}
	for (size_t i = 0; any && i < *n; i++)
		if (carrying[i].this)
			ids[kept++] = ids[i];
	*n = any ? kept : *n;
	return 0;
}

static bool judge_is_same(struct mf_pool *pool, int a, int b)
{
	struct mf_package x, y;

	mf_pool_package(pool, a, &x);
	mf_pool_package(pool, b, &y);
	return !strcmp(x.name, y.name) && !strcmp(x.evr, y.evr) && !strcmp(x.arch, y.arch);
}

/*
 * An installed package does not have the module, or it would be on disk; neither would the same
 * package from a repository. Leaves them out. RET_ID: one that was left out, or 0.
 */
static size_t drop_installed(struct mf_pool *pool, int *ids, size_t n, int *ret_id)
{
	size_t kept = 0;

	*ret_id = 0;
	for (size_t i = 0; i < n; i++) {
		struct mf_package package;

		mf_pool_package(pool, ids[i], &package);
		if (package.origin == MF_POOL_INSTALLED)
			*ret_id = ids[i];
	}
	for (size_t i = 0; *ret_id && i < n; i++)
		if (!judge_is_same(pool, ids[i], *ret_id))
			ids[kept++] = ids[i];
	return *ret_id ? kept : n;
}

/* RET_CODE: -MFE_MISPLACED, -MFE_SCRIPTLET or -MFE_DENIED, where it is refused. */
static int judge_carrier(const struct mf_judge *judge, const struct mf_want *want,
			 const char *module, int id, int *ret_code, char **ret_why)
{
	_cleanup_free_ char *why = NULL;
	struct mf_package package;
	const char *known;
	int r;

	mf_pool_package(judge->pool, id, &package);
	if (package.origin < 0)
		return 0;
	known = mf_verdicts_find(judge->refused, &package);
	r = known ? 1 : mf_judge_package(judge, id, want, module, &why);
	if (!r) {
		r = resolve_scripts_judge(judge, id, &why);
		if (r == 1) {
			*ret_code = -MFE_SCRIPTLET;
			*ret_why = mf_format("%s: %s", package.name, why);
			return *ret_why ? 1 : -ENOMEM;
		}
	}
	if (r != 1)
		return r;
	*ret_code = known ? mf_verdicts_code(judge->refused, &package) : -MFE_DENIED;
	*ret_why = mf_format("%s has %s", package.name, known ? known : why);
	return *ret_why ? 1 : -ENOMEM;
}

/* Leaves those that have an alias for the want; RET_WHY: why there is none. 0 or -errno. */
static int judge_keep_bound(const struct mf_judge *judge, const struct mf_want *want,
			    const struct mf_match *match, int *ids, size_t *n, char **ret_why)
{
	int first = ids[0], r = resolve_keep_bound(judge, want, match, ids, n);

	if (r < 0 || *n)
		return r;
	*ret_why = mf_format(
		"%s has %s, but no version of it that may be installed has an alias for it",
		mf_pool_name(judge->pool, first), match->module);
	return *ret_why ? 0 : -ENOMEM;
}

/* mf_judge_carriers(), with the code of RET_WHY. */
static int judge_carriers(const struct mf_judge *judge, const struct mf_want *want,
			  const struct mf_match *match, int **ret_ids, size_t *ret_n, int *ret_code,
			  char **ret_why)
{
	_cleanup_free_ char *first = NULL;
	_cleanup_free_ int *ids = NULL;
	size_t n = 0, kept = 0;
	int r = judge_find_carriers(judge->pool, match, &ids, &n), code = 0, installed = 0;

	*ret_code = 0;
	if (!r && n > 1)
		r = keep_carrying(judge->pool, match->module, ids, &n);
	if (!r)
		n = drop_installed(judge->pool, ids, n, &installed);
	if (!r && installed && !n) {
		first = mf_format("%s is installed, but its module %s is not in the indexes of "
				  "this kernel",
				  mf_pool_name(judge->pool, installed), match->module);
		*ret_code = -MFE_MISPLACED;
		r = first ? 0 : -ENOMEM;
	}
	if (!r && n)
		r = judge_keep_bound(judge, want, match, ids, &n, &first);
	if (first && !*ret_code)
		*ret_code = -MFE_DENIED;
	for (size_t i = 0; r >= 0 && ids && i < n; i++) {
		char *why = NULL;

		r = judge_carrier(judge, want, match->module, ids[i], &code, &why);
		if (!r)
			ids[kept++] = ids[i];
		if (first || r < 0) {
			free(why);
		} else if (why) {
			first = why;
			*ret_code = code;
		}
	}
	if (r < 0)
		return r;
	if (!kept)
		*ret_why = MF_STEAL(first);
	*ret_ids = MF_STEAL(ids);
	*ret_n = kept;
	return 0;
}

int mf_judge_carriers(const struct mf_judge *judge, const struct mf_want *want,
		      const struct mf_match *match, int **ret_ids, size_t *ret_n, char **ret_why)
{
	int code;

	return judge_carriers(judge, want, match, ret_ids, ret_n, &code, ret_why);
}

static int judge_on_any_module(void *arg, const char *name, const char *evr)
{
	char module[MF_MODULE_NAME_SIZE];

	return mf_dep_module(name, module, sizeof(module));
}

/*
 * Is the module only a guess by the name of an installed package that names none, while others that
 * match are on disk? They are those of the package then.
 */
static bool judge_is_guess(struct mf_pool *pool, const struct mf_want *want,
			   const struct mf_match *match)
{
	bool on_disk = false;

	for (size_t i = 0; i < want->n_matches; i++)
		on_disk |= want->matches[i].on_disk;
	for (size_t i = 0; on_disk && i < match->packages.n; i++) {
		_cleanup_free_ int *ids = NULL;
		size_t n = 0;

		if (mf_choice_find(pool, match->packages.v[i], MF_WHICH_INSTALLED, &ids, &n) == 0 &&
		    n && !mf_pool_deps(pool, ids[0], MF_PROVIDES, judge_on_any_module, NULL))
			return true;
	}
	return false;
}

static int judge_want(const struct mf_judge *judge, struct mf_want *want)
{
	const char *refused = NULL;
	bool any_allowed = false, guessed = false;
	int code = 0;

	for (size_t i = 0; i < want->n_matches; i++) {
		struct mf_match *match = &want->matches[i];
		_cleanup_free_ char *why = NULL;
		_cleanup_free_ int *ids = NULL;
		size_t n = 0;
		int r;

		if (!mf_match_wanted(match))
			continue;
		r = judge_carriers(judge, want, match, &ids, &n, &code, &why);
		if (r < 0)
			return r;
		any_allowed |= !why;
		guessed |=
			why && code == -MFE_MISPLACED && judge_is_guess(judge->pool, want, match);
		if (why)
			refused = match->refused = MF_STEAL(why);
	}
	if (!any_allowed && refused && guessed) {
		want->state = MF_PRESENT;
	} else if (!any_allowed && refused) {
		want->state = code == -MFE_MISPLACED ? MF_UNKNOWN : MF_DENIED;
		want->code = code == -MFE_DENIED ? 0 : code;
		mf_want_reason(want, "%s", refused);
	}
	return 0;
}

int mf_judge_wants(const struct mf_judge *judge, struct mf_wants *wants)
{
	int r = 0;

	for (size_t i = 0; !r && i < wants->n; i++)
		if (wants->v[i].state == MF_AVAILABLE)
			r = judge_want(judge, &wants->v[i]);
	return r;
}

/* ---- downloaded packages ---- */

/* Is it a module of a kernel, by its directory and its name? */
static bool judge_is_module(const struct mf_rpm_file *file)
{
	return !S_ISDIR(file->mode) && strstr(file->path, "/lib/modules/") &&
	       mf_is_module(file->path);
}

int mf_judge_files(const struct mf_judge *judge, const struct mf_plan_item *item,
		   const struct mf_rpm_header *header, char **ret_why)
{
	struct judgement j = { .policy = judge->policy };
	int r = 0;

	judge_begin(&j, item->asker, item->name, judge->repos->v[item->repo].id);
	for (size_t i = 0; !r && i < header->n_files; i++) {
		char module[MF_MODULE_NAME_SIZE];

		if (judge_is_module(&header->files[i]) &&
		    mf_module_name(header->files[i].path, module, sizeof(module)))
			r = judge_module(&j, module);
	}
	if (r == 1)
		*ret_why = j.why;
	return r;
}

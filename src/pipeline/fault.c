/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cause of a failure: a package, a repository, or neither.
 *
 * It is the package's fault if its server does not have it, if its bytes are not the signed ones or
 * if it has forbidden contents: drivers that do not need it can be installed without it. If a
 * repository cannot be reached or has too old metadata, its packages fail, and only a plan with
 * packages of others can continue without it. All other failures (a lock, no memory, no network at
 * all) have neither cause, and a smaller run would fail as well.
 *
 * A missing file, or a web page in its place, may also be the answer of a network that wants a
 * login; the pipeline finds out whether the server still shows signed metadata (renew.c).
 */
#include "modfetch/pipeline.h"
#include <errno.h>
#include <stddef.h>
#include "modfetch/array.h"
#include "modfetch/strings.h"
#include "modfetch/trust.h"

/* The transient failures. */
static const struct {
	int code;
	bool of_repository; /* another repository may be reachable */
	bool only_waited;   /* nothing was downloaded: the try had no cost */
} transient[] = {
	{ -MFE_UNREACHABLE, true, true },
	{ -MFE_PORTAL, true, true },
	{ -MFE_STALE, true, true },
	/* until the clock is set */
	{ -MFE_FUTURE, true, true },
	{ -MFE_HTTP_STATUS, true, false },
	{ -MFE_TIMEOUT, true, false },
	{ -MFE_TRUNCATED, true, false },
	{ -MFE_NO_METADATA, false, true },
	{ -MFE_LOCKED, false, true },
	{ -MFE_KERNEL_CHANGED, false, false },
	{ -MFE_FETCH_HELPER, false, false },
	{ -ENOMEM, false, false },
	{ -EAGAIN, false, false },
	{ -EMFILE, false, false },
	{ -ENFILE, false, false },
};

/* The index of CODE in that table, or the table's length. */
static size_t find_transient(int code)
{
	size_t i = 0;

	while (i < MF_ARRAY_SIZE(transient) && transient[i].code != code)
		i++;
	return i;
}

bool mf_fault_is_transient(int code)
{
	return find_transient(code) < MF_ARRAY_SIZE(transient);
}

bool mf_fault_is_of_repository(int code)
{
	return mf_fault_is_transient(code) && transient[find_transient(code)].of_repository;
}

bool mf_fault_only_waited(int code)
{
	return mf_fault_is_transient(code) && transient[find_transient(code)].only_waited;
}

bool mf_fault_is_of_package(int code)
{
	static const int codes[] = {
		-MFE_UNSOLVABLE,   -MFE_NO_SYMBOL,	 -MFE_BAD_SIZE,		-MFE_BAD_DIGEST,
		-MFE_BAD_PACKAGE,  -MFE_FORBIDDEN_FILE,	 -MFE_SCRIPTLET,	-MFE_BAD_MODULE,
		-MFE_WRONG_KERNEL, -MFE_MODULE_UNSIGNED, -MFE_INSTALL,		-MFE_TOO_LARGE,
		-MFE_BAD_HREF,	   -MFE_DENIED,		 -MFE_NOT_FOUND,	-MFE_BAD_MODALIAS,
		-MFE_FILE_EXISTS,  -MFE_ALTERED,	 -MFE_SCRIPTLET_FAILED, -MFE_MISPLACED,
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(codes); i++)
		if (codes[i] == code)
			return true;
	return false;
}

/* ---- the faults of a plan ---- */

/* Has the plan packages that need no answer of this repository? A smaller one may do with them. */
static enum mf_fault fault_of_repo(const struct mf_run *run, size_t repo)
{
	for (size_t i = 0; i < run->plan.n; i++)
		if (run->plan.items[i].repo != repo ||
		    run->plan.items[i].taken_from == MF_TAKEN_FROM_STORE)
			return MF_FAULT_REPOSITORY;
	return MF_FAULT_NONE;
}

/* Does the plan need a download of this repository? */
static bool needs_download(const struct mf_run *run, size_t repo)
{
	for (size_t i = 0; i < run->plan.n; i++)
		if (run->plan.items[i].repo == repo &&
		    run->plan.items[i].taken_from != MF_TAKEN_FROM_STORE)
			return true;
	return false;
}

static bool is_used(const struct mf_run *run, size_t repo)
{
	for (size_t i = 0; i < run->plan.n; i++)
		if (run->plan.items[i].repo == repo)
			return true;
	return false;
}

int mf_fault_check_plan(struct mf_context *ctx, struct mf_run *run)
{
	const struct mf_repos *repos = mf_catalog_repos(run->catalog);
	int r = 0;

	for (size_t i = 0; r == 0 && i < repos->n; i++) {
		if (!is_used(run, i))
			continue;
		if (run->unreachable && needs_download(run, i) &&
		    mf_strings_has(run->unreachable, repos->v[i].id))
			r = mf_fail(ctx, MF_STAGE_FETCH, -MFE_UNREACHABLE, repos->v[i].id,
				    "this repository could not be reached a moment ago");
		else
			r = mf_trust_in_use(ctx, &repos->v[i]);
		if (r < 0)
			run->fault = fault_of_repo(run, i);
	}
	return r;
}

/* Are the package's bytes wrong, on every mirror? */
static bool is_of_bytes(int code)
{
	return code == -MFE_BAD_DIGEST || code == -MFE_TOO_LARGE || code == -MFE_BAD_HREF;
}

/* Is the repository unreachable at the moment? */
static bool is_of_network(int code)
{
	return code == -MFE_UNREACHABLE || code == -MFE_TIMEOUT || code == -MFE_HTTP_STATUS ||
	       code == -MFE_TRUNCATED;
}

void mf_fault_set_unreachable(struct mf_run *run, size_t repo)
{
	run->fault = fault_of_repo(run, repo);
	/* without memory the next run tries the repository again, which only costs time */
	if (run->unreachable)
		(void)mf_strings_add_unique(run->unreachable,
					    mf_catalog_repos(run->catalog)->v[repo].id);
}

int mf_fault_set_from_fetch(struct mf_run *run, const struct mf_fetched *fetched, int code)
{
	for (size_t i = 0; i < run->plan.n; i++) {
		size_t repo = run->plan.items[i].repo;

		if (!fetched[i].code)
			continue;
		if (fetched[i].absent || is_of_bytes(code) || code == -MFE_PORTAL) {
			run->fault = MF_FAULT_PACKAGE;
			run->fault_repo = repo;
		} else if (is_of_network(code)) {
			mf_fault_set_unreachable(run, repo);
		}
		break;
	}
	return code;
}

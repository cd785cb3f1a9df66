/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which version of a package a plan may have.
 *
 * An older version than the installed one comes only by the word of the admin or of modfetch itself,
 * which name it; never because a repository offers it or a dependency asks for it. A version that was
 * taken back is not installed again, unless it is named.
 */
#include "version.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/asked.h"
#include "modfetch/cleanup.h"
#include "modfetch/local.h"
#include "modfetch/strings.h"
#include "modfetch/taken-back.h"

static bool is_from(struct mf_pool *pool, int id, const struct mf_repos *repos, const char *repo)
{
	struct mf_package package;

	mf_pool_package(pool, id, &package);
	return package.origin >= 0 && !strcmp(repos->v[package.origin].id, repo);
}

/* Keeps the packages of that repository, if there are any. */
static void keep_from(struct mf_pool *pool, const struct mf_repos *repos, const char *repo,
		      int *ids, size_t *n)
{
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++) {
		if (!is_from(pool, ids[i], repos, repo))
			continue;
		int id = ids[i];

		ids[i] = ids[kept];
		ids[kept++] = id;
	}
	*n = kept ? kept : *n;
}

int mf_version_find(struct mf_pool *pool, const struct mf_repos *repos,
		    const struct mf_version *version, int **ret_ids, size_t *ret_n)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = mf_choice_find_label(pool, version->label, &ids, &n);

	if (r < 0)
		return r;
	keep_from(pool, repos, version->repo ? version->repo : MF_LOCAL_KEPT, ids, &n);
	*ret_ids = MF_STEAL(ids);
	*ret_n = n;
	return 0;
}

/* Is it this version: "5.19.4", "5.19.4-1", or the same with an epoch? */
static bool is_version(const char *evr, const char *text)
{
	size_t len = strlen(text);

	return !strncmp(evr, text, len) && (!evr[len] || (evr[len] == '-' && !strchr(text, '-')));
}

int mf_version_find_text(struct mf_pool *pool, const char *text, int **ret_ids, size_t *ret_n)
{
	_cleanup_free_ char *name = strdup(text);
	size_t kept = 0;
	int r = name ? 0 : -ENOMEM;

	for (int tries = 0; !r && !kept && tries < 2; tries++) {
		_cleanup_free_ int *ids = NULL;
		size_t n = 0;
		char *dash = strrchr(name, '-');

		if (!dash)
			break;
		*dash = '\0';
		r = mf_choice_find(pool, name, MF_WHICH_ANY, &ids, &n);
		for (size_t i = 0; !r && i < n; i++) {
			struct mf_package package;

			mf_pool_package(pool, ids[i], &package);
			if (is_version(package.evr, text + strlen(name) + 1))
				ids[kept++] = ids[i];
		}
		if (kept) {
			*ret_ids = MF_STEAL(ids);
			*ret_n = kept;
		}
	}
	return r;
}

/* The installed package that a step replaces, if the step is older; 0: none. */
static int newer_that_goes(struct mf_pool *pool, const struct mf_solution *solution,
			   const struct mf_step *step)
{
	for (size_t i = 0; i < solution->n; i++) {
		const struct mf_step *gone = &solution->steps[i];

		if (gone->erase &&
		    !strcmp(mf_pool_name(pool, gone->id), mf_pool_name(pool, step->id)) &&
		    mf_pool_compare(pool, step->id, gone->id) < 0)
			return gone->id;
	}
	return 0;
}

static bool is_asked(const struct mf_job *jobs, size_t n_jobs, int id)
{
	for (size_t i = 0; i < n_jobs; i++)
		for (size_t j = 0; !jobs[i].erase && j < jobs[i].n; j++)
			if (jobs[i].ids[j] == id)
				return true;
	return false;
}

int mf_version_refuse_older(struct mf_refusals *refusals, const struct mf_solution *solution,
			    const struct mf_job *jobs, size_t n_jobs)
{
	int refused = 0, r = 0;

	for (size_t i = 0; !r && i < solution->n; i++) {
		const struct mf_step *step = &solution->steps[i];
		struct mf_package package;
		int gone;

		if (step->erase || is_asked(jobs, n_jobs, step->id))
			continue;
		gone = newer_that_goes(refusals->pool, solution, step);
		if (!gone)
			continue;
		mf_pool_package(refusals->pool, gone, &package);
		r = mf_refusals_add(refusals, step->id, -MFE_DENIED,
				    mf_format("it is older than the installed %s-%s", package.name,
					      package.evr));
		refused++;
	}
	return r < 0 ? r : refused;
}

static bool is_named(const struct mf_selection *selection, const char *label)
{
	for (size_t i = 0; selection && i < selection->n_versions; i++)
		if (!strcmp(selection->versions[i].label, label))
			return true;
	return false;
}

/* Refuses one version, in all repositories. 0 or -ENOMEM. */
static int refuse_version(struct mf_refusals *refusals, const struct mf_selection *selection,
			  const struct mf_taken_back_entry *entry)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = mf_choice_find(refusals->pool, entry->name, MF_WHICH_AVAILABLE, &ids, &n);

	for (size_t i = 0; !r && i < n; i++) {
		_cleanup_free_ char *label = NULL;
		struct mf_package p;

		mf_pool_package(refusals->pool, ids[i], &p);
		if (strcmp(p.evr, entry->evr))
			continue;
		label = mf_package_label(&p);
		if (!label)
			return -ENOMEM;
		if (!is_named(selection, label))
			r = mf_refusals_add(refusals, ids[i], -MFE_DENIED,
					    mf_format("it was taken back: %s", entry->why));
	}
	return r;
}

int mf_version_refuse_taken_back(struct mf_context *ctx, const struct mf_selection *selection,
				 struct mf_refusals *refusals)
{
	_cleanup_(mf_taken_back_done) struct mf_taken_back taken = { 0 };
	int r = mf_taken_back_read(ctx, &taken);

	for (size_t i = 0; !r && i < taken.n; i++) {
		r = refuse_version(refusals, selection, &taken.v[i]);
		if (r < 0)
			return mf_fail(ctx, MF_STAGE_RESOLVE, r, "plan", NULL);
	}
	return r;
}

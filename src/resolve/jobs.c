/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a plan is for, as jobs of the solver.
 *
 * A job for each missing module of the wants, one for each name to install or to remove, and one for
 * each version that is named. They stand in an order that does not depend on that of the queries.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "elsewhere.h"
#include "named.h"
#include "planning.h"
#include "version.h"

void resolve_clear_jobs(struct planning *p)
{
	for (size_t i = 0; i < p->n_jobs; i++)
		free((int *)p->jobs[i].ids);
	p->n_jobs = 0;
}

/* Takes ownership of IDS. */
static int add_job(struct planning *p, const struct mf_want *asker, bool erase, int *ids, size_t n)
{
	size_t n_jobs = p->n_jobs + 1;

	if (mf_array_reserve(&p->jobs, &p->jobs_room, n_jobs, sizeof(*p->jobs)) < 0 ||
	    mf_array_reserve(&p->askers, &p->askers_room, n_jobs, sizeof(struct mf_want *)) < 0) {
		free(ids);
		return -ENOMEM;
	}
	p->askers[p->n_jobs] = asker;
	p->jobs[p->n_jobs++] = (struct mf_job){ erase, ids, n };
	return 0;
}

/* A missing module, and the want it is for. */
struct missing {
	const struct mf_want *want;
	const struct mf_match *match;
};

/* Adds one job for a module: the best of its allowed packages, or any. */
static int add_module_job(struct planning *p, const struct missing *missing)
{
	_cleanup_free_ char *why = NULL;
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = mf_judge_carriers(&p->judge, missing->want, missing->match, &ids, &n, &why);

	if (r < 0 || !n)
		return r;
	mf_choice_sort(p->catalog, &p->judge, missing->match->module, ids, n);
	return add_job(p, missing->want, false, MF_STEAL(ids), p->any_package ? n : 1);
}

static int resolve_by_module(const void *a, const void *b)
{
	const struct missing *x = a, *y = b;
	int r = strcmp(x->match->module, y->match->module);

	/* the first want decides for a module */
	return r ? r : (x->want > y->want) - (x->want < y->want);
}

/*
 * Adds a job for each missing module of the wants, in an order that does not depend on the queries.
 */
static int add_module_jobs(struct planning *p, const struct mf_want *wants, size_t n_wants)
{
	_cleanup_free_ struct missing *missing = NULL;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < n_wants; i++)
		n += wants[i].n_matches;
	missing = calloc(n + 1, sizeof(*missing));
	if (!missing)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < n_wants; i++)
		for (size_t j = 0; wants[i].state == MF_AVAILABLE && j < wants[i].n_matches; j++)
			if (mf_match_wanted(&wants[i].matches[j]))
				missing[n++] = (struct missing){ &wants[i], &wants[i].matches[j] };
	qsort(missing, n, sizeof(*missing), resolve_by_module);
	for (size_t i = 0; !r && i < n; i++)
		if (!i || strcmp(missing[i - 1].match->module, missing[i].match->module))
			r = add_module_job(p, &missing[i]);
	return r;
}

static int add_install_jobs(struct planning *p, const struct mf_strings *names)
{
	const char *moved = mf_catalog_moved(p->catalog);

	for (size_t i = 0; names && i < names->n; i++) {
		_cleanup_free_ int *ids = NULL;
		size_t n = 0;
		int r = mf_choice_find(p->pool, names->v[i], MF_WHICH_ANY, &ids, &n);

		if (!r && !n) {
			free(MF_STEAL(ids));
			r = mf_version_find_text(p->pool, names->v[i], &ids, &n);
			mf_pool_allow_versions(p->pool);
		}
		if (!r && !n && p->selection->any_form) {
			free(MF_STEAL(ids));
			r = resolve_find_short(p->ctx, p->pool, p->judge.repos->n, names->v[i],
					       &ids, &n);
		}
		if (r < 0)
			return mf_fail(p->ctx, MF_STAGE_RESOLVE, r, names->v[i], NULL);
		if (!n)
			return mf_fail(p->ctx, MF_STAGE_RESOLVE, -MFE_NOT_FOUND, names->v[i],
				       "no configured repository has a package for it%s%s",
				       moved ? "; " : "", moved ? moved : "");
		if (mf_elsewhere_is_kernel(p->pool, ids, n))
			continue;
		r = add_job(p, NULL, false, MF_STEAL(ids), n);
		if (r < 0)
			return mf_fail(p->ctx, MF_STAGE_RESOLVE, r, names->v[i], NULL);
	}
	return 0;
}

static int add_removal_jobs(struct planning *p, const char *name)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = resolve_find_named(p->ctx, p->pool, p->selection, name, &ids, &n);

	if (!r && !n && p->selection->any_form && resolve_is_unowned_module(p->pool, name))
		return mf_fail(p->ctx, MF_STAGE_RESOLVE, -MFE_NOT_FOUND, name,
			       "its file is on disk, but no installed package has it");
	/* what is not installed need not be removed */
	if (!r && !n && p->selection->any_form && resolve_is_only_available(p->pool, name))
		return 0;
	if (!r && !n)
		return mf_fail(p->ctx, MF_STAGE_RESOLVE, -MFE_NOT_FOUND, name,
			       "no installed package has this name");
	if (!r)
		r = add_job(p, NULL, true, MF_STEAL(ids), n);
	return r < 0 ? mf_fail(p->ctx, MF_STAGE_RESOLVE, r, name, NULL) : 0;
}

static int add_version_job(struct planning *p, const struct mf_version *version)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = mf_version_find(p->pool, p->judge.repos, version, &ids, &n);

	if (!r && !n)
		return mf_fail(p->ctx, MF_STAGE_RESOLVE, -MFE_NOT_FOUND, version->label,
			       "no configured repository has this very package");
	if (!r)
		r = add_job(p, NULL, false, MF_STEAL(ids), n);
	return r < 0 ? mf_fail(p->ctx, MF_STAGE_RESOLVE, r, version->label, NULL) : 0;
}

static int add_version_jobs(struct planning *p)
{
	const struct mf_strings *again = p->selection->again;
	int r = 0;

	if (p->selection->n_versions)
		mf_pool_allow_versions(p->pool);
	for (size_t i = 0; !r && again && i < again->n; i++)
		r = add_version_job(p, &(struct mf_version){ again->v[i], NULL });
	for (size_t i = 0; !r && i < p->selection->n_versions; i++)
		r = add_version_job(p, &p->selection->versions[i]);
	return r;
}

int resolve_collect_jobs(struct planning *p, const struct mf_want *wants, size_t n)
{
	const struct mf_strings *names;
	int r;

	resolve_clear_jobs(p);
	r = add_module_jobs(p, wants, n);
	if (r < 0)
		return mf_fail(p->ctx, MF_STAGE_RESOLVE, r, "plan", NULL);
	names = p->selection ? p->selection->remove : NULL;
	if (p->selection)
		r = add_install_jobs(p, p->selection->install);
	for (size_t i = 0; !r && names && i < names->n; i++)
		r = add_removal_jobs(p, names->v[i]);
	if (!r && p->selection)
		r = add_version_jobs(p);
	return r;
}

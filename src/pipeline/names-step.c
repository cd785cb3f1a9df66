/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the words after "install" mean.
 *
 * The first of these that is true decides: there is a package called so, or a version of one that is
 * written so; a module has this name; a package provides it ("xfs-kmp"); an alias or a modalias
 * matches it. A module or an alias becomes a want, so that its package is chosen as for probe, with
 * blacklists, policy and preference; only the full name of a package means that very package
 * (mf_plan_mark_named()). A module comes before a mere provide, or any package of any repository could
 * claim the name of a driver. A name that means nothing stays in the selection, and resolve reports it.
 */
#include "names-step.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/match.h"
#include "modfetch/resolve.h"
#include "modfetch/typed.h"

static bool has_own_name(const struct mf_want *want)
{
	for (size_t i = 0; i < want->n_matches; i++)
		if (!mf_match_by_alias(want, &want->matches[i]))
			return true;
	return false;
}

struct naming {
	struct mf_context *ctx;
	struct mf_run *run;
	struct mf_kmod *kmod;
	const struct mf_policy *policy;
	struct mf_pool *pool;
};

/* Does any of the wants have an answer, be it a refusal, or a module that does not serve the device? */
static bool any_is_known(const struct mf_wants *wants)
{
	for (size_t i = 0; i < wants->n; i++)
		if (wants->v[i].kind != MF_WANT_BAD &&
		    (wants->v[i].state != MF_UNKNOWN || wants->v[i].n_matches))
			return true;
	return false;
}

/* Is NAME to be left to the plan, as a name of packages? 1, 0 or -ENOMEM. */
static int is_of_package(const struct naming *n, const char *name, const struct mf_wants *wants)
{
	_cleanup_free_ int *ids = NULL;
	size_t n_ids = 0;
	int r;

	if (!any_is_known(wants))
		return 1;
	if (wants->n == 1 && has_own_name(&wants->v[0]))
		return 0;
	r = mf_choice_find(n->pool, name, MF_WHICH_ANY, &ids, &n_ids);
	return r < 0 ? r : n_ids > 0;
}

/* 1: NAME has become wants; 0: it names a package, or nothing; or a recorded failure. */
static int names_take(const struct naming *n, const char *name)
{
	_cleanup_(mf_wants_done) struct mf_wants wants = { 0 };
	int r = mf_package_is_called(n->pool, name);

	if (r < 0)
		return mf_fail(n->ctx, MF_STAGE_MATCH, r, name, NULL);
	if (r > 0)
		return 0;
	r = mf_wants_add_typed(n->ctx, name, &wants);
	if (!r)
		r = mf_match(n->ctx, n->run->catalog, n->kmod, n->policy, wants.v, wants.n);
	if (r < 0)
		return r;
	r = is_of_package(n, name, &wants);
	if (r == 1)
		return 0;
	for (size_t i = 0; !r && i < wants.n; i++)
		r = mf_wants_add(&n->run->wants, &wants.v[i]);
	return r < 0 ? mf_fail(n->ctx, MF_STAGE_MATCH, r, name, NULL) : 1;
}

int mf_names_step(struct mf_context *ctx, struct mf_run *run, struct mf_kmod *kmod,
		  const struct mf_policy *policy)
{
	const struct mf_strings *names = run->selection.install;
	struct naming naming = { .ctx = ctx, .run = run, .kmod = kmod, .policy = policy };
	_cleanup_(mf_strings_done) struct mf_strings kept = { 0 };
	int r;

	if (!names || !run->selection.any_form || !run->catalog)
		return 0;
	r = mf_catalog_pool_whole(ctx, run->catalog, &naming.pool);
	for (size_t i = 0; r >= 0 && i < names->n; i++) {
		r = names_take(&naming, names->v[i]);
		if (!r && mf_strings_add(&kept, names->v[i]) < 0)
			r = mf_fail(ctx, MF_STAGE_MATCH, -ENOMEM, names->v[i], NULL);
	}
	if (r < 0)
		return r;
	mf_strings_done(&run->packages);
	run->packages = kept;
	kept = (struct mf_strings){ 0 };
	run->selection.install = run->packages.n ? &run->packages : NULL;
	return 0;
}

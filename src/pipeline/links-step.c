/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The places in a run where links to modules of other kernels come and go.
 *
 * At its beginning, what a killed run or another package manager left (mf_links_recover()). After the
 * plan, what is asked for and is on disk for another kernel, where no package for this very kernel
 * comes. Between install and depmod, what the transaction changed (mf_links_update()).
 */
#include "links-step.h"
#include <errno.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/depmod.h"
#include "modfetch/links.h"
#include "modfetch/module-name.h"
#include "modfetch/rpm.h"

static bool plan_has_module(const struct mf_plan *plan, const char *module)
{
	for (size_t i = 0; i < plan->n; i++)
		if (mf_strings_has(&plan->items[i].modules, module))
			return true;
	return false;
}

/* Appends the missing modules whose best package is installed, and these packages. */
static int collect_matches(struct mf_context *ctx, const struct mf_want *want,
			   const struct mf_plan *plan, struct mf_strings *modules,
			   struct mf_strings *packages)
{
	int r = 0;

	for (size_t i = 0; !r && i < want->n_matches; i++) {
		const struct mf_match *m = &want->matches[i];
		_cleanup_(mf_strings_done) struct mf_strings best = { 0 }, found = { 0 };

		if (!mf_match_wanted(m) || !m->packages.n || plan_has_module(plan, m->module))
			continue;
		r = mf_strings_add(&best, m->packages.v[0]);
		if (!r)
			r = mf_rpm_installed(ctx, &best, &found);
		if (!r && found.n) {
			r = mf_strings_add_unique(modules, m->module);
			if (!r)
				r = mf_strings_add_unique(packages, m->packages.v[0]);
		}
	}
	return r;
}

/* PLANNED: as for mf_links_add(). */
static int step_wants(struct mf_context *ctx, const struct mf_wants *wants,
		      const struct mf_plan *plan, struct mf_links *planned)
{
	_cleanup_(mf_strings_done) struct mf_strings modules = { 0 }, packages = { 0 };
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	int r = 0, linked = 0;

	for (size_t i = 0; !r && i < wants->n; i++) {
		const struct mf_want *want = &wants->v[i];

		if (want->kind == MF_WANT_NAME && want->state == MF_UNKNOWN && !ctx->unattended)
			r = mf_strings_add(&names, want->name);
		else
			r = collect_matches(ctx, want, plan, &modules, &packages);
	}
	if (r < 0 && ctx->failure.code != r)
		return mf_fail(ctx, MF_STAGE_INSTALL, r, "links", NULL);
	if (!r && modules.n)
		r = linked = mf_links_add(ctx, &modules, &packages, planned);
	if (r >= 0 && names.n) {
		r = mf_links_add(ctx, &names, NULL, planned);
		linked |= r;
	}
	return r < 0 ? r : linked;
}

/* Would the link be the answer to a want, for a module that it names or matches? */
static bool serves(const struct mf_want *want, const char *module)
{
	if (want->kind == MF_WANT_NAME && want->state == MF_UNKNOWN)
		return !strcmp(want->name, module);
	for (size_t i = 0; i < want->n_matches; i++)
		if (mf_match_wanted(&want->matches[i]) && !strcmp(want->matches[i].module, module))
			return true;
	return false;
}

static int describe_link(struct mf_wants *wants, const struct mf_link *link)
{
	const char *from = mf_kernel_tree_path(link->target);
	char module[MF_MODULE_NAME_SIZE];

	if (!from || !mf_module_name(link->path, module, sizeof(module)))
		return 0;
	for (size_t i = 0; i < wants->n; i++) {
		struct mf_want *want = &wants->v[i];

		if (!serves(want, module))
			continue;
		if (!mf_want_add(want, module, NULL))
			return -ENOMEM;
		want->state = MF_AVAILABLE;
		mf_want_reason(want,
			       "%s of %s is on disk for kernel %.*s and fits, so it is linked",
			       module, link->package, (int)strcspn(from, "/"), from);
	}
	return 0;
}

static void plan_links(struct mf_context *ctx, struct mf_run *run)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);
	int r = step_wants(ctx, &run->wants, &run->plan, &run->links);

	for (size_t i = 0; r >= 0 && i < run->links.n; i++)
		r = describe_link(&run->wants, &run->links.v[i]);
	if (r < 0)
		mf_log(ctx, MF_LOG_WARNING, "install: whether links would do is not known: %s: %s",
		       ctx->failure.what, ctx->failure.why);
}

int mf_links_step_wants(struct mf_context *ctx, struct mf_run *run)
{
	if (!run->dry_run)
		return step_wants(ctx, &run->wants, &run->plan, NULL);
	plan_links(ctx, run);
	return 0;
}

void mf_links_step_settle(struct mf_context *ctx)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);

	if (mf_links_settle(ctx) < 0)
		mf_log(ctx, MF_LOG_WARNING, "install: %s: %s", ctx->failure.what, ctx->failure.why);
}

void mf_links_step_undo(struct mf_context *ctx, const struct mf_strings *kernels)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);
	_cleanup_(mf_strings_done) struct mf_strings all = { 0 };

	if (mf_links_recover(ctx) < 0)
		mf_log(ctx, MF_LOG_WARNING,
		       "install: links for other kernels could not be put right, the next run will "
		       "try again: %s: %s",
		       ctx->failure.what, ctx->failure.why);
	/* also the directory of a kernel that is not installed may have had modules of packages */
	if (!kernels && !mf_kernels_list(ctx, &all) && !mf_strings_add_unique(&all, ctx->kernel))
		kernels = &all;
	for (size_t i = 0; kernels && i < kernels->n; i++)
		(void)mf_depmod(ctx, &(struct mf_depmod_options){ .kernel = kernels->v[i] }, NULL);
}

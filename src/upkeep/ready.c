/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which drivers a kernel lacks, and why.
 *
 * The needs are matched and planned by a dry run of the pipeline, so that the answer is that of the
 * run that would bring them: the same policy, the same preference, the same dependencies. A module that
 * a repository has is a gap of an installed kernel; of one that is not installed yet it is not, as it
 * will be brought. A name that nobody has is a gap only if it is certain that there is such a module.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/libkmod.h"
#include "modfetch/pipeline.h"
#include "modfetch/release.h"
#include "judge.h"

static const char *const indexes[] = { "modules.dep.bin", "modules.alias.bin" };

struct judging {
	struct mf_context *ctx;
	struct needs *needs;
	struct mf_gaps *gaps;
	struct mf_strings *bring;
	struct mf_kmod *kmod;
	struct mf_failure failure; /* of the plan; code 0: there was none */
	char *pending;		   /* the failure of the last attempt for this kernel, or NULL */
};

static void judging_done(struct judging *j)
{
	mf_kmod_free(j->kmod);
	free(j->pending);
}

void mf_gaps_done(struct mf_gaps *gaps)
{
	for (size_t i = 0; i < gaps->n; i++) {
		free(gaps->v[i].driver);
		free(gaps->v[i].wanted);
		free(gaps->v[i].lacks);
	}
	free(gaps->v);
	*gaps = (struct mf_gaps){ 0 };
}

int upkeep_gaps_add(struct mf_gaps *gaps, const char *driver, const char *wanted, const char *lacks,
		    int code)
{
	struct mf_gap gap = { .code = code };

	/* several devices may need the same driver */
	for (size_t i = 0; i < gaps->n; i++)
		if (!strcmp(gaps->v[i].driver, driver))
			return 0;
	if (mf_array_reserve(&gaps->v, &gaps->room, gaps->n + 1, sizeof(*gaps->v)) < 0)
		return -ENOMEM;
	gap.driver = strdup(driver);
	gap.wanted = strdup(wanted);
	gap.lacks = strdup(lacks);
	gaps->v[gaps->n++] = gap;
	return gap.driver && gap.wanted && gap.lacks ? 0 : -ENOMEM;
}

/* ---- wants ---- */

/* A repository has the module, but it is not installed. */
static int add_not_installed(struct judging *j, const char *driver, const char *wanted,
			     const char *package)
{
	_cleanup_free_ char *lacks =
		j->pending ? mf_format("the package %s is not installed, the last attempt ended "
				       "with %s",
				       package, j->pending)
			   : mf_format("the package %s is not installed", package);

	return lacks ? upkeep_gaps_add(j->gaps, driver, wanted, lacks, -MFE_NOT_READY) : -ENOMEM;
}

/* Neither the disk nor a repository has it. */
static int add_unknown(struct judging *j, const struct mf_want *want, const struct need *need)
{
	_cleanup_free_ char *lacks = NULL;

	if (want->code)
		return upkeep_gaps_add(j->gaps, want->query, need->wanted,
				       want->reason ? want->reason : mf_error_sentence(want->code),
				       want->code);
	if (!need->must)
		return 0;
	if (!j->failure.code)
		return upkeep_gaps_add(j->gaps, want->query, need->wanted,
				       want->reason ? want->reason : "no repository has it",
				       -MFE_NOT_FOUND);
	lacks = mf_format("no repository can be asked: %s%s%s", j->failure.what,
			  *j->failure.what ? ": " : "", j->failure.why);
	return lacks ? upkeep_gaps_add(j->gaps, want->query, need->wanted, lacks, j->failure.code)
		     : -ENOMEM;
}

static int judge_want(struct judging *j, const struct mf_want *want, const struct need *need)
{
	int r = 0;

	switch (want->state) {
	case MF_AVAILABLE:
		for (size_t i = 0; !r && j->gaps->installed && i < want->n_matches; i++)
			if (mf_match_wanted(&want->matches[i]))
				r = add_not_installed(j, want->matches[i].module, need->wanted,
						      want->matches[i].packages.v[0]);
		return r;
	case MF_UNKNOWN:
		return add_unknown(j, want, need);
	case MF_PRESENT:
	case MF_BUILTIN_STATE:
	case MF_DENIED:
	case MF_INVALID:
		break;
	}
	return 0;
}

/* A failure of the repositories is no failure of the judgment: it is why something is missing. */
static int judge_wants(struct judging *j)
{
	struct needs *needs = j->needs;
	struct mf_run run = { .verb = "ready", .wants = needs->wants, .dry_run = true };
	int r;

	for (size_t i = 0; i < run.wants.n; i++)
		mf_want_clear_matches(&run.wants.v[i]);
	r = mf_pipeline_run(j->ctx, &run);
	needs->wants = run.wants;
	run.wants = (struct mf_wants){ 0 };
	mf_run_done(&run);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		j->failure = j->ctx->failure;
	r = 0;
	for (size_t i = 0; !r && i < needs->n; i++)
		r = judge_want(j, &needs->wants.v[i], &needs->v[i]);
	return r;
}

/* ---- packages and patterns ---- */

/*
 * Does the plan bring a module that is not there? A pattern of a kernel that has all its modules
 * brings none.
 */
static int plan_brings(const struct judging *j, const struct mf_plan *plan)
{
	bool any = false;

	for (size_t i = 0; i < plan->n; i++)
		for (size_t k = 0; k < plan->items[i].modules.n; k++) {
			any = true;
			if (mf_kmod_presence(j->kmod, plan->items[i].modules.v[k]) == MF_ABSENT)
				return true;
		}
	return plan->n && !any;
}

/*
 * Plans for a package. 0 or 1 as the pipeline (RET_BRINGS: the plan brings modules), or its failure,
 * recorded.
 */
static int plan_name(struct judging *j, const char *name, bool *ret_brings)
{
	char *list[] = { (char *)name, NULL };
	const struct mf_strings one = { list, 1, 0 };
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "ready",
						     .selection.install = &one,
						     .dry_run = true };
	int r = mf_pipeline_run(j->ctx, &run);

	*ret_brings = r == 0 && plan_brings(j, &run.plan);
	return r;
}

/*
 * The name with the end that says this kernel comes first: a pattern of another kernel, which has no
 * files, provides the name without it.
 */
static int judge_name(struct judging *j, const char *name)
{
	static const char wanted[] = "it was asked for by name";
	_cleanup_free_ char *full = NULL;
	struct mf_release release;
	bool brings = false;
	int r = -MFE_NOT_FOUND;

	if (mf_release_parse(j->ctx->kernel, NULL, &release) == 0) {
		full = mf_format("%s-%s-%s", name, release.flavor, release.abi);
		r = full ? plan_name(j, full, &brings) : -ENOMEM;
	}
	if (r == -MFE_NOT_FOUND) {
		free(full);
		full = strdup(name);
		r = full ? plan_name(j, full, &brings) : -ENOMEM;
	}
	if (r == -ENOMEM)
		return r;
	if (r == -MFE_DENIED)
		return 0;
	if (r < 0)
		return upkeep_gaps_add(j->gaps, name, wanted, j->ctx->failure.why, r);
	if (!brings)
		return 0;
	r = mf_strings_add(j->bring, full);
	return r || !j->gaps->installed ? r : add_not_installed(j, name, wanted, full);
}

/* ---- all ---- */

static int judge_indexes(struct judging *j)
{
	int r = 0;

	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(indexes); i++) {
		_cleanup_free_ char *path = mf_kernel_path(j->ctx->kernel, indexes[i]);
		_cleanup_close_ int fd = path ? mf_context_open(j->ctx, path, O_PATH) : -ENOMEM;

		if (fd == -ENOENT)
			r = upkeep_gaps_add(j->gaps, indexes[i],
					    "modprobe and udev find modules in it",
					    "it is missing; run modfetch depmod", -MFE_DEPMOD);
	}
	return r;
}

static int read_pending(struct judging *j)
{
	_cleanup_(mf_strings_done) struct mf_strings kernels = { 0 }, codes = { 0 };
	int r = mf_kernels_pending_read(j->ctx, &kernels, &codes);

	for (size_t i = 0; !r && i < kernels.n; i++)
		if (!strcmp(kernels.v[i], j->ctx->kernel) && strcmp(codes.v[i], "BEGUN") != 0) {
			free(j->pending);
			j->pending = strdup(codes.v[i]);
			r = j->pending ? 0 : -ENOMEM;
		}
	return r;
}

int upkeep_judge(struct mf_context *ctx, struct needs *needs, struct mf_gaps *ret_gaps,
		 struct mf_strings *ret_bring)
{
	_cleanup_(mf_gaps_done) struct mf_gaps gaps = { 0 };
	_cleanup_(judging_done) struct judging j = {
		.ctx = ctx, .needs = needs, .gaps = &gaps, .bring = ret_bring
	};
	const struct mf_saved_failure before = mf_failure_save(ctx);
	int r = read_pending(&j);

	gaps.installed = mf_kernel_is_installed(ctx, ctx->kernel);
	gaps.checked = needs->n + needs->names.n;
	if (!r)
		r = mf_kmod_new(ctx, &j.kmod);
	if (!r && gaps.installed)
		r = judge_indexes(&j);
	if (!r)
		r = judge_wants(&j);
	for (size_t i = 0; !r && i < needs->names.n; i++)
		r = judge_name(&j, needs->names.v[i]);
	if (r < 0)
		return ctx->failure.code == r ? r
					      : mf_fail(ctx, MF_STAGE_KERNEL, r, ctx->kernel, NULL);
	mf_failure_restore(&before);
	*ret_gaps = gaps;
	gaps = (struct mf_gaps){ 0 };
	return 0;
}

int mf_ready(struct mf_context *ctx, struct mf_gaps *ret_gaps)
{
	_cleanup_(upkeep_needs_done) struct needs needs = { 0 };
	_cleanup_(mf_strings_done) struct mf_strings bring = { 0 };
	int r = upkeep_collect(ctx, &needs);

	return r < 0 ? r : upkeep_judge(ctx, &needs, ret_gaps, &bring);
}

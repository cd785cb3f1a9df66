/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * modfetch build, the order of its steps: choose the sources, read their recipes, judge what is there, compile in boxes, several at
 * once, then sign, pack and install one source after the other.
 *
 * One source that fails costs itself alone: its state is "failed", and the old module stays where it is. Nothing of a build is on
 * the machine before its packages are complete, and they are installed as all packages are: in one transaction, undone if
 * it fails. So a run that is killed leaves the old state, and a directory that the next run removes.
 *
 * One run at a time, by /var/lib/modfetch/build/lock; the lock of modfetch itself is held only while packages are installed, so that a
 * device that is plugged in does not wait for a compiler.
 */
#include "modfetch/build.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include "builder.h"
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-key.h"
#include "modfetch/process.h"

static const char *const state_names[MF_N_BUILD_STATES] = {
	[MF_BUILD_BUILT] = "built",	  [MF_BUILD_LINKED] = "linked",
	[MF_BUILD_PRESENT] = "present",	  [MF_BUILD_NEEDED] = "needed",
	[MF_BUILD_EXCLUDED] = "excluded", [MF_BUILD_OWNED] = "owned",
	[MF_BUILD_FAILED] = "failed",	  [MF_BUILD_FAILED_BEFORE] = "failed-before",
};

const char *mf_build_state_name(enum mf_build_state state)
{
	return state_names[state];
}

static void built_done(struct mf_built *built)
{
	free(built->source);
	free(built->reason);
	free(built->log);
	mf_strings_done(&built->modules);
	mf_strings_done(&built->labels);
	*built = (struct mf_built){ 0 };
}

void mf_built_done(struct mf_built_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		built_done(&list->v[i]);
	free(list->v);
	*list = (struct mf_built_list){ 0 };
}

static void job_done(struct build_job *job)
{
	for (size_t i = 0; job->fds && i < job->recipe.n; i++)
		mf_cleanup_close(&job->fds[i]);
	free(job->fds);
	mf_recipe_done(&job->recipe);
	built_done(&job->built);
}

static void builder_done(struct builder *b)
{
	for (size_t i = 0; i < b->n_jobs; i++)
		job_done(&b->jobs[i]);
	free(b->jobs);
	mf_sources_done(&b->sources);
	build_ledger_done(&b->ledger);
	build_tools_done(&b->tools);
	build_modules_done(&b->on_disk);
	mf_cleanup_close(&b->lock);
}

/* The directory of builds, locked; what a killed run left in it is removed. 0 or a recorded failure. */
static int lock_builds(struct builder *b)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(b->ctx, BUILD_DIRECTORY);
	int r = dirfd < 0 ? dirfd : 0;

	if (!r) {
		b->lock = openat(dirfd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		r = b->lock < 0 ? -errno : 0;
	}
	if (!r && flock(b->lock, LOCK_EX | LOCK_NB) < 0)
		return mf_fail(b->ctx, MF_STAGE_BUILD, -MFE_LOCKED, "/" BUILD_DIRECTORY "/lock",
			       "another modfetch build runs; try again when it has ended");
	if (!r)
		r = mf_tree_remove(dirfd, "work");
	return r < 0 ? mf_fail(b->ctx, MF_STAGE_BUILD, r, "/" BUILD_DIRECTORY, NULL) : 0;
}

/* Did the same build fail before? A person who asks for it gets another try. */
static bool failed_before(const struct builder *b, const struct build_job *job)
{
	const struct build_entry *e =
		build_ledger_find(&b->ledger, job->source->name, b->ctx->kernel, true);

	return b->ctx->unattended && !b->options->again && e &&
	       !memcmp(e->source, job->digest, sizeof(e->source)) &&
	       !memcmp(e->tools, b->tools.digest, sizeof(e->tools));
}

static int judge_job(struct builder *b, struct build_job *job)
{
	int r;

	if (!job->has_recipe)
		build_read_recipe(b, job);
	if (job->done)
		return 0;
	if (job->recipe.excluded)
		return build_job_settle(job, MF_BUILD_EXCLUDED, strdup(job->recipe.excluded));
	r = mf_source_digest(b->ctx, job->source, job->digest);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		build_job_fail(b, job);
		return 0;
	}
	/* for others, or in place of dkms: what this machine has does not matter */
	r = b->options->publish || b->options->keep_only ? 0 : build_judge(b, job);
	if (!r && !job->done && !b->options->keep_only)
		r = build_find_elsewhere(b, job);
	if (r < 0 || job->done)
		return r;
	if (failed_before(b, job))
		return build_job_settle(job, MF_BUILD_FAILED_BEFORE, NULL);
	return b->options->dry_run ? build_job_settle(job, MF_BUILD_NEEDED, NULL) : 0;
}

/* ---- compiling, several at once ---- */

struct compiling {
	struct builder *b;
	struct build_job **jobs;
	struct mf_context *contexts; /* of each job: a failure is recorded in it */
};

static void compile_one(void *arg, size_t i, unsigned int worker)
{
	struct compiling *c = arg;
	struct build_job *job = c->jobs[i];
	uint64_t start = mf_now_us();
	int r;

	(void)worker;
	r = build_compile(c->b, &c->contexts[i], job);
	if (r < 0 && !c->contexts[i].failure.code)
		(void)mf_fail(&c->contexts[i], MF_STAGE_BUILD, r, job->built.source, NULL);
	job->built.us = mf_now_us() - start;
}

static int compile_all(struct builder *b)
{
	_cleanup_free_ struct build_job **jobs = calloc(b->n_jobs + 1, sizeof(struct build_job *));
	_cleanup_free_ struct mf_context *contexts =
		calloc(b->n_jobs + 1, sizeof(struct mf_context));
	struct compiling c = { b, jobs, contexts };
	struct mf_workers *workers = NULL;
	size_t n = 0;

	if (!jobs || !contexts)
		return -ENOMEM;
	for (size_t i = 0; i < b->n_jobs; i++)
		if (!b->jobs[i].done) {
			contexts[n] = mf_context_for_kernel(b->ctx, b->ctx->kernel);
			jobs[n++] = &b->jobs[i];
		}
	if (n > 1 && mf_workers_new(mf_threads(), &workers) < 0)
		workers = NULL; /* one after the other then */
	mf_workers_run(workers, n, compile_one, &c);
	mf_workers_free(workers);
	for (size_t i = 0; i < n; i++)
		if (contexts[i].failure.code) {
			b->ctx->failure = contexts[i].failure;
			build_job_fail(b, jobs[i]);
		}
	return 0;
}

/* ---- what was built ---- */

static int finish_job(struct builder *b, struct build_job *job)
{
	struct build_tree tree = { 0 };
	int r = 0;

	/* which modules a source rpm has is known only now */
	if (job->recipe.package && !b->options->publish)
		r = build_judge(b, job);
	if (r < 0 || job->done)
		return r;
	r = build_tree_make(b, job, &tree);
	if (!r)
		r = build_package(b, job, &tree);
	if (!r && !b->options->publish)
		r = build_keep(b, job, &tree);
	if (!r && !b->options->publish && !b->options->keep_only)
		r = build_install_kept(b->ctx, job->source, &job->built.labels);
	build_tree_done(b->ctx, &tree);
	return r;
}

static int remember(struct builder *b, struct build_job *job)
{
	struct build_entry e = { .name = job->source->name,
				 .version = job->source->version,
				 .kernel = b->ctx->kernel,
				 .code = job->built.code,
				 .modules = job->built.modules };
	int r;

	memcpy(e.source, job->digest, sizeof(e.source));
	memcpy(e.tools, b->tools.digest, sizeof(e.tools));
	r = build_ledger_set(&b->ledger, &e);
	return r < 0 ? r : build_ledger_write(b->ctx, &b->ledger);
}

/*
 * Is the failure one of the source with this compiler? A full disk, a lock, a program that is missing pass, and the build is
 * tried again.
 */
static bool is_of_source(int code)
{
	return code == -MFE_BUILD || code == -MFE_SOURCE || code == -MFE_BAD_MODULE ||
	       code == -MFE_PACK || code == -MFE_TIMEOUT;
}

static int finish_all(struct builder *b)
{
	int r = 0;

	for (size_t i = 0; !r && i < b->n_jobs; i++) {
		struct build_job *job = &b->jobs[i];

		if (!job->tried)
			continue;
		if (!job->done) {
			r = finish_job(b, job);
			if (r == -ENOMEM)
				break;
			if (r < 0)
				build_job_fail(b, job);
			else if (!job->done)
				(void)build_job_settle(job, MF_BUILD_BUILT, NULL);
			r = 0;
		}
		/* what is published is for others: this machine has nothing to remember */
		if (!b->options->publish && job->built.state != MF_BUILD_OWNED &&
		    (!job->built.code || is_of_source(job->built.code)))
			r = remember(b, job);
	}
	return r;
}

static int build_all(struct builder *b)
{
	bool any = false;
	int r;

	for (size_t i = 0; i < b->n_jobs; i++)
		any |= b->jobs[i].tried = !b->jobs[i].done;
	if (!any)
		return 0;
	r = build_tools_check(b->ctx);
	if (!r)
		r = mf_module_key_ensure(b->ctx);
	if (r >= 0)
		r = compile_all(b);
	return r < 0 ? r : finish_all(b);
}

static int run_steps(struct builder *b)
{
	int r = b->options->dry_run ? 0 : lock_builds(b);

	if (!r)
		r = build_ledger_read(b->ctx, &b->ledger);
	if (!r)
		r = build_tools_find(b->ctx, &b->tools);
	if (!r)
		r = build_choose(b);
	if (!r && !b->options->publish)
		r = build_modules_read(b->ctx, &b->on_disk);
	for (size_t i = 0; !r && i < b->n_jobs; i++)
		r = judge_job(b, &b->jobs[i]);
	return r < 0 ? r : build_all(b);
}

static int take_result(struct builder *b, struct mf_built_list *ret_list)
{
	struct mf_built_list list = { .v = calloc(b->n_jobs + 1, sizeof(struct mf_built)) };

	if (!list.v)
		return -ENOMEM;
	for (; list.n < b->n_jobs; list.n++) {
		list.v[list.n] = b->jobs[list.n].built;
		b->jobs[list.n].built = (struct mf_built){ 0 };
	}
	*ret_list = list;
	return 0;
}

int mf_build(struct mf_context *ctx, const struct mf_build_options *options,
	     struct mf_built_list *ret_list)
{
	_cleanup_(builder_done) struct builder b = { .ctx = ctx, .options = options, .lock = -1 };
	int r = run_steps(&b);

	/* steps that may fail have left their failures there */
	if (!r)
		ctx->failure = (struct mf_failure){ 0 };
	if (!r)
		r = take_result(&b, ret_list);
	return r == -ENOMEM ? mf_fail(ctx, MF_STAGE_BUILD, r, ctx->kernel, NULL) : r;
}

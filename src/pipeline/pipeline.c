/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order of the stages, and what is undone when one of them fails.
 *
 * Up to verify nothing on the machine has changed, and a failure needs no more than its line. From
 * install on, a failure takes the packages out again, so that the tree, its indexes and the rpm
 * database are those of before. A load that the kernel refuses is no reason to: the driver is there
 * for the next try, and the admin is told. One lock is held from the first look at what is
 * installed to the end, so that the plan is still true when it is carried out.
 */
#include "modfetch/pipeline.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/depmod.h"
#include "modfetch/file.h"
#include "modfetch/history.h"
#include "modfetch/install.h"
#include "modfetch/libkmod.h"
#include "modfetch/load.h"
#include "modfetch/match.h"
#include "modfetch/pending-loads.h"
#include "modfetch/policy.h"
#include "modfetch/resolve.h"
#include "modfetch/stubs.h"
#include "modfetch/undo.h"
#include "modfetch/verify.h"
#include "hooks.h"
#include "renew.h"

#define HOOK_SECONDS 30

/* What the stages of one run hand to each other. */
struct transaction {
	struct mf_kmod *kmod;
	struct mf_policy *policy;
	struct stat tree; /* lib/modules/KVER as it was at the start */
	struct mf_fetched *fetched;
	struct mf_proof **proofs;
	size_t n; /* of both */
	struct mf_receipt receipt;
	struct mf_pending_loads pending_loads;
	struct mf_verdicts refused; /* packages, for their files */
	bool metadata_may_help;	    /* what failed may not fail with new metadata */
};

/* What was fetched, as far as nobody has taken it. */
static void tx_drop_packages(struct transaction *tx)
{
	for (size_t i = 0; i < tx->n; i++) {
		if (tx->fetched)
			mf_fetched_done(&tx->fetched[i]);
		if (tx->proofs)
			mf_proof_free(tx->proofs[i]);
	}
	free(MF_STEAL(tx->fetched));
	free(MF_STEAL(tx->proofs));
	tx->n = 0;
}

static void tx_done(struct transaction *tx)
{
	tx_drop_packages(tx);
	mf_verdicts_done(&tx->refused);
	mf_receipt_done(&tx->receipt);
	mf_pending_loads_done(&tx->pending_loads);
	mf_policy_free(tx->policy);
	mf_kmod_free(tx->kmod);
}

static void pipeline_stamp(struct mf_run *run, enum mf_stage stage)
{
	run->stamp[stage] = mf_now_us();
}

/* ---- decide ---- */

static bool all_on_disk(const struct mf_run *run)
{
	for (size_t i = 0; i < run->wants.n; i++)
		if (run->wants.v[i].state == MF_UNKNOWN)
			return false;
	return !run->selection.install && !run->selection.remove;
}

/* With the indexes and modprobe.d as they are now: repairing changes the former. */
static int pipeline_match(struct mf_context *ctx, struct mf_run *run, struct transaction *tx)
{
	int r;

	mf_policy_free(MF_STEAL(tx->policy));
	mf_kmod_free(MF_STEAL(tx->kmod));
	r = mf_kmod_new(ctx, &tx->kmod);
	if (!r)
		r = mf_policy_new(ctx, tx->kmod, &tx->policy);
	return r < 0 ? r
		     : mf_match(ctx, run->catalog, tx->kmod, tx->policy, run->wants.v,
				run->wants.n);
}

static int pipeline_repair(struct mf_context *ctx, struct mf_run *run, struct transaction *tx)
{
	int r = mf_repair_indexes(ctx, &run->wants);

	if (r <= 0)
		return r;
	run->repaired = true;
	for (size_t i = 0; i < run->wants.n; i++)
		mf_want_forget(&run->wants.v[i]);
	r = pipeline_match(ctx, run, tx);
	return r < 0 ? r : mf_repair_mark(ctx, &run->wants);
}

/*
 * Opens the catalog and matches. Without a catalog what is on disk can still be found and loaded:
 * the missing repository is a failure only if something is missing.
 */
static int pipeline_decide(struct mf_context *ctx, struct mf_run *run, struct transaction *tx)
{
	int opened = mf_renew_open(ctx, run), r;
	struct mf_failure why = ctx->failure;

	r = pipeline_match(ctx, run, tx);
	if (!r && run->catalog && !run->dry_run)
		r = pipeline_repair(ctx, run, tx);
	pipeline_stamp(run, MF_MATCHED);
	if (r < 0 || opened >= 0 || all_on_disk(run))
		return r;
	ctx->failure = why;
	return opened;
}

/* ---- fetch and verify ---- */

static int pipeline_fetch(struct mf_context *ctx, struct mf_run *run, struct transaction *tx)
{
	const struct mf_repos *repos = mf_catalog_repos(run->catalog);
	_cleanup_free_ struct mf_fetch_request *requests =
		calloc(run->plan.n + 1, sizeof(*requests));
	int r;

	tx->fetched = calloc(run->plan.n + 1, sizeof(*tx->fetched));
	tx->proofs = calloc(run->plan.n + 1, sizeof(struct mf_proof *));
	if (!requests || !tx->fetched || !tx->proofs)
		return mf_fail(ctx, "fetch", -ENOMEM, "plan", NULL);
	tx->n = run->plan.n;
	for (size_t i = 0; i < tx->n; i++) {
		const struct mf_plan_item *item = &run->plan.items[i];

		tx->fetched[i].fd = -1;
		requests[i] = (struct mf_fetch_request){
			.mirrors = &repos->v[item->repo].baseurls,
			.path = item->location,
			.label = item->name,
			.size = item->size,
			.sha256 = item->sha256,
			.max_size = ctx->settings.max_package,
		};
	}
	r = mf_fetch(ctx, requests, tx->n, run->progress, run->progress_arg, tx->fetched);
	return r < 0 ? mf_fault_set_from_fetch(run, tx->fetched, r) : 0;
}

/* Without a terminal's progress bar: a line a package, with where it came from. */
static void log_fetched(const struct mf_context *ctx, const struct mf_run *run,
			const struct transaction *tx)
{
	for (size_t i = 0; !run->progress && i < tx->n; i++)
		mf_log(ctx, MF_LOG_INFO, "fetched %s, %llu bytes, from %s", run->plan.items[i].name,
		       (unsigned long long)tx->fetched[i].size, tx->fetched[i].url);
}

static void pipeline_verifier_cleanup(struct mf_verifier **verifier)
{
	mf_verifier_free(*verifier);
}

static int pipeline_verify(struct mf_context *ctx, struct mf_run *run, struct mf_verifier *verifier,
			   struct transaction *tx)
{
	const struct mf_repos *repos = mf_catalog_repos(run->catalog);
	int r = 0;

	for (size_t i = 0; !r && i < tx->n; i++) {
		const struct mf_plan_item *item = &run->plan.items[i];

		r = mf_verify_package(ctx, verifier, &repos->v[item->repo], item, &tx->fetched[i],
				      &tx->proofs[i]);
	}
	/* -errno is this machine's trouble, not the package's */
	if (r <= -MFE_FIRST)
		run->fault = MF_FAULT_PACKAGE;
	return r;
}

static int check_shadows(struct mf_context *ctx, struct mf_run *run, const struct transaction *tx)
{
	_cleanup_free_ const struct mf_rpm_header **headers =
		calloc(tx->n + 1, sizeof(struct mf_rpm_header *));

	if (!headers)
		return mf_fail(ctx, "verify", -ENOMEM, "shadows", NULL);
	for (size_t i = 0; i < tx->n; i++)
		headers[i] = mf_proof_header(tx->proofs[i]);
	return mf_shadow_check(ctx, run->catalog, tx->policy, &run->plan, headers);
}

/* ---- install and index ---- */

static int index_all(struct mf_context *ctx, const struct mf_run *run, const struct transaction *tx)
{
	int r = 0;

	for (size_t i = 0; !r && i < tx->receipt.kernels.n; i++) {
		const struct mf_depmod_options options = {
			.kernel = tx->receipt.kernels.v[i],
			.changed = &tx->receipt.changed[i],
			.no_sync = run->no_sync,
		};

		r = mf_depmod(ctx, &options, NULL);
	}
	return r;
}

static bool will_load(const struct mf_context *ctx, const struct mf_run *run)
{
	return !run->no_load && ctx->kernel_running && run->wants.n;
}

/* udev finds a module as soon as the indexes name it: what is to be loaded is noted before. */
static int note_expected_loads(struct mf_context *ctx, const struct mf_run *run,
			       struct transaction *tx)
{
	for (size_t i = 0; will_load(ctx, run) && i < tx->receipt.kernels.n; i++)
		if (!strcmp(tx->receipt.kernels.v[i], ctx->kernel))
			return mf_load_expect(ctx, &tx->pending_loads, run->wants.v, run->wants.n,
					      &tx->receipt.changed[i]);
	return 0;
}

/* After a failure: the indexes follow whatever is in the tree; the failure stays on record. */
static void rebuild_indexes(struct mf_context *ctx, const struct mf_strings *kernels)
{
	struct mf_failure why = ctx->failure;

	for (size_t i = 0; i < kernels->n; i++)
		(void)mf_depmod(ctx, &(struct mf_depmod_options){ .kernel = kernels->v[i] }, NULL);
	ctx->failure = why;
}

/* These are found out before anything is begun. */
static bool may_have_begun(int failure)
{
	return failure != -MFE_LOCKED && failure != -MFE_ALTERED && failure != -MFE_FILE_EXISTS &&
	       failure != -MFE_FORBIDDEN_FILE && failure != -MFE_DENIED;
}

static int pipeline_install(struct mf_context *ctx, struct mf_run *run, struct transaction *tx)
{
	const struct mf_strings own = { &ctx->kernel, 1, 0 };
	int r = mf_install(ctx, tx->proofs, tx->n, &run->plan.erase, &tx->receipt);

	if (r < 0) {
		/* a removal that failed half way has taken modules with it */
		if (run->plan.erase.n && may_have_begun(r))
			rebuild_indexes(ctx, &own);
		return r;
	}
	pipeline_stamp(run, MF_INSTALLED);
	run->scriptlet = tx->receipt.scriptlet;
	mf_loading_mark(ctx);
	r = note_expected_loads(ctx, run, tx);
	if (!r)
		r = index_all(ctx, run, tx);
	/* what cannot be forgotten would be undone by the next run: then rather by this one */
	if (!r)
		r = mf_undo_forget(ctx);
	if (r < 0) {
		mf_install_undo(ctx, &tx->receipt);
		run->scriptlet.code = 0;
		rebuild_indexes(ctx, &tx->receipt.kernels);
		return r;
	}
	pipeline_stamp(run, MF_INDEXED);
	return 0;
}

static int pipeline_carry_out(struct mf_context *ctx, struct mf_run *run, struct transaction *tx)
{
	const struct mf_judge judge = { .policy = tx->policy,
					.repos = mf_catalog_repos(run->catalog) };
	_cleanup_(pipeline_verifier_cleanup) struct mf_verifier *verifier = NULL;
	int r = mf_fault_check_plan(ctx, run);

	tx->metadata_may_help = r == -MFE_STALE;
	ctx->scriptlets = mf_repos_have_scriptlets(mf_catalog_repos(run->catalog));
	if (r == 0)
		r = mf_verifier_new(ctx, &verifier);
	if (r < 0)
		return r;
	if (ctx->kernel_running && !run->no_load)
		mf_verifier_warn(ctx, verifier);
	r = pipeline_fetch(ctx, run, tx);
	/* what its server has no more, newer metadata does not name any more */
	tx->metadata_may_help = mf_fault_is_transient(r) && run->fault == MF_FAULT_PACKAGE;
	if (r < 0)
		return r;
	pipeline_stamp(run, MF_FETCHED);
	log_fetched(ctx, run, tx);
	r = pipeline_verify(ctx, run, verifier, tx);
	/* policy about what no metadata has named: only the files of a package tell */
	if (!r)
		r = mf_verify_allowed(ctx, &judge, run->plan.items, tx->proofs, tx->n,
				      &tx->refused);
	if (r < 0)
		return r;
	r = check_shadows(ctx, run, tx);
	if (r < 0)
		return r;
	pipeline_stamp(run, MF_VERIFIED);
	r = mf_kernel_dir_same(ctx, &tx->tree);
	return r < 0 ? r : pipeline_install(ctx, run, tx);
}

/* ---- load ---- */

static bool something_loaded(const struct mf_run *run)
{
	for (size_t i = 0; i < run->wants.n; i++)
		if (run->wants.v[i].loaded.n)
			return true;
	return false;
}

static int pipeline_load(struct mf_context *ctx, struct mf_run *run, struct transaction *tx)
{
	int r;

	if (!will_load(ctx, run))
		return 0;
	mf_loading_mark(ctx);
	r = mf_load(ctx, &tx->pending_loads, run->wants.v, run->wants.n);
	if (r < 0)
		return r;
	pipeline_stamp(run, MF_LOADED);
	run->unbound = mf_load_wait(ctx, run->wants.v, run->wants.n);
	pipeline_stamp(run, MF_BOUND);
	return 0;
}

/* ---- the road ---- */

/* Plans for what is decided. 0; 1: there is nothing to plan for. */
static int pipeline_resolve(struct mf_context *ctx, struct mf_run *run, struct transaction *tx)
{
	int r = 1;

	run->selection.refused = &tx->refused;
	if (run->catalog) {
		r = mf_resolve(ctx, run->catalog, tx->policy, &run->wants, &run->selection,
			       &run->plan);
		tx->metadata_may_help = r == -MFE_BAD_INDEX;
		if (r >= 0) {
			if (run->selection.install && !ctx->unattended)
				mf_plan_mark_named(&run->plan, run->selection.install);
			pipeline_stamp(run, MF_RESOLVED);
		}
	}
	run->selection.refused = NULL;
	return r;
}

static int run_once(struct mf_context *ctx, struct mf_run *run, struct transaction *tx)
{
	bool planned;
	size_t known;
	int r = pipeline_decide(ctx, run, tx);

	if (r < 0)
		return r;
	/* as long as there are packages that no plan may have, another plan is possible */
	do {
		known = tx->refused.whys.n;
		mf_plan_done(&run->plan);
		tx_drop_packages(tx);
		r = pipeline_resolve(ctx, run, tx);
		planned = r == 0;
		if (planned && !run->dry_run)
			r = pipeline_carry_out(ctx, run, tx);
	} while (r == -MFE_DENIED && tx->refused.whys.n > known);
	if (r < 0)
		return r;
	if (run->dry_run)
		return planned ? 0 : 1;
	r = mf_kernel_dir_same(ctx, &tx->tree);
	if (!r)
		r = pipeline_load(ctx, run, tx);
	if (r < 0)
		return r;
	return planned || run->repaired || something_loaded(run) ? 0 : 1;
}

/*
 * Metadata that is too old, a package list that turns out to be damaged, and one that names a
 * package which is gone, are fetched anew, once and not by a dry run. Nothing has been changed then.
 */
static int run_renewing(struct mf_context *ctx, struct mf_run *run, struct transaction *tx)
{
	int r = run_once(ctx, run, tx);

	if (r >= 0 || !tx->metadata_may_help || !mf_renew_after(ctx, run, r))
		return r;
	run->fault = MF_FAULT_NONE;
	tx_drop_packages(tx);
	mf_plan_done(&run->plan);
	mf_catalog_free(MF_STEAL(run->catalog));
	for (size_t i = 0; i < run->wants.n; i++)
		mf_want_forget(&run->wants.v[i]);
	return run_once(ctx, run, tx);
}

/* However it ends, it has ended: an attempt that stays on disk is one that nobody survived. */
static int run_stages(struct mf_context *ctx, struct mf_run *run)
{
	_cleanup_(tx_done) struct transaction tx = { .tree = mf_kernel_dir(ctx) };
	int r = run->dry_run ? 0 : mf_pending_loads_settle(ctx, &tx.pending_loads);
	struct mf_failure why;

	if (r < 0)
		return r;
	r = run_renewing(ctx, run, &tx);
	why = ctx->failure;
	if (mf_pending_loads_end(ctx, &tx.pending_loads) < 0)
		mf_log(ctx, MF_LOG_WARNING, "load: %s: %s", ctx->failure.what, ctx->failure.why);
	ctx->failure = why;
	return r;
}

int mf_pipeline_run(struct mf_context *ctx, struct mf_run *run)
{
	_cleanup_free_ char *line = NULL;
	_cleanup_close_ int lock = -1;
	struct mf_failure why;
	int r;

	pipeline_stamp(run, MF_STARTED);
	if (run->dry_run)
		return run_stages(ctx, run);
	lock = mf_lock(ctx);
	if (lock < 0)
		return lock;
	r = mf_undo_recover(ctx);
	if (!r)
		r = run_stages(ctx, run);
	if (r >= 0)
		mf_stubs_follow(ctx, run->stamp[MF_INSTALLED] || run->repaired || run->refreshed);
	/* the packages are there and their drivers loaded, but not all is as they want it */
	if (r >= 0 && run->scriptlet.code) {
		ctx->failure = run->scriptlet;
		r = run->scriptlet.code;
	}
	/* a full disk must not hide why the run failed */
	why = ctx->failure;
	if (!mf_record_is_refusal(run, r) && mf_record_run(ctx, run, r, &line) < 0)
		mf_log(ctx, MF_LOG_WARNING, "history: %s: %s", ctx->failure.what, ctx->failure.why);
	ctx->failure = why;
	mf_loading_unmark(ctx);
	/* a hook may call us */
	close(mf_steal_fd(&lock));
	if ((r == 0 || r == run->scriptlet.code) && line && run->stamp[MF_INSTALLED] &&
	    something_loaded(run))
		mf_hooks_run(ctx, line, HOOK_SECONDS);
	return r;
}

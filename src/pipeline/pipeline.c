/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order of the stages, and what a failure of one of them undoes. frame.c has what is around them.
 *
 * Up to verify nothing on the machine has changed, and a failure is only reported. From install on,
 * a failure removes the packages again, so that the tree, its indexes and the rpm database are as
 * before. If the kernel refuses to load a module, the packages stay: the driver is installed for the
 * next try, and the failure is reported. One lock is held from the first look at the installed
 * packages to the end, so that the plan is still valid when it is carried out.
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
#include "modfetch/links.h"
#include "modfetch/load.h"
#include "modfetch/match.h"
#include "modfetch/pending-loads.h"
#include "modfetch/policy.h"
#include "modfetch/resolve.h"
#include "modfetch/undo.h"
#include "modfetch/verify.h"
#include "confirm-step.h"
#include "download.h"
#include "early-step.h"
#include "initrd-step.h"
#include "kept-step.h"
#include "links-step.h"
#include "misplaced.h"
#include "names-step.h"
#include "renew.h"
#include "stages.h"
#include "trial-step.h"

/* The data that the stages of one run pass on to each other. */
struct transaction {
	struct mf_kmod *kmod;
	struct mf_policy *policy;
	struct stat tree; /* lib/modules/KVER as it was at the start */
	struct mf_fetched *fetched;
	struct mf_proof **proofs;
	size_t n; /* of both */
	struct mf_receipt receipt;
	struct mf_pending_loads pending_loads;
	struct mf_verdicts refused; /* packages with refused files: another plan avoids them */
	bool metadata_may_help;	    /* with new metadata the failed step may succeed */
};

/* Frees the fetched files and proofs. */
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
	mf_receipt_done(&tx->receipt);
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

static void pipeline_stamp(struct mf_run *run, enum mf_stamp stage)
{
	run->stamp[stage] = mf_now_us();
}

/* ---- decide ---- */

static bool all_on_disk(const struct mf_run *run)
{
	for (size_t i = 0; i < run->wants.n; i++)
		if (run->wants.v[i].state == MF_UNKNOWN)
			return false;
	return !run->selection.install && !run->selection.remove && !run->selection.again &&
	       !run->selection.n_versions;
}

/* Reads indexes and modprobe.d again: a repair changes the indexes. */
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

/* After the indexes have changed. */
static int match_again(struct mf_context *ctx, struct mf_run *run, struct transaction *tx)
{
	run->repaired = true;
	for (size_t i = 0; i < run->wants.n; i++)
		mf_want_clear_matches(&run->wants.v[i]);
	return pipeline_match(ctx, run, tx);
}

static int pipeline_repair(struct mf_context *ctx, struct mf_run *run, struct transaction *tx)
{
	int r = mf_repair_indexes(ctx, &run->wants);

	if (r <= 0)
		return r;
	r = match_again(ctx, run, tx);
	return r < 0 ? r : mf_repair_mark(ctx, &run->wants);
}

/*
 * Opens the catalog and matches. Without a catalog installed modules can still be found and loaded:
 * a missing repository is a failure only if a module is missing.
 */
static int pipeline_decide(struct mf_context *ctx, struct mf_run *run, struct transaction *tx)
{
	int opened = mf_renew_open(ctx, run), r;
	const struct mf_saved_failure open_failure = mf_failure_save(ctx);

	r = pipeline_match(ctx, run, tx);
	if (!r)
		r = mf_names_step(ctx, run, tx->kmod, tx->policy);
	if (!r && run->catalog && !run->dry_run)
		r = pipeline_repair(ctx, run, tx);
	pipeline_stamp(run, MF_MATCHED);
	if (r < 0 || opened >= 0 || all_on_disk(run))
		return r;
	if (mf_links_step_wants(ctx, run) > 0)
		r = match_again(ctx, run, tx);
	if (!r && all_on_disk(run))
		return 0;
	mf_failure_restore(&open_failure);
	return opened;
}

/* ---- fetch and verify ---- */

static int pipeline_fetch(struct mf_context *ctx, struct mf_run *run, struct transaction *tx)
{
	tx->fetched = calloc(run->plan.n + 1, sizeof(*tx->fetched));
	tx->proofs = calloc(run->plan.n + 1, sizeof(struct mf_proof *));
	if (!tx->fetched || !tx->proofs)
		return mf_fail(ctx, MF_STAGE_FETCH, -ENOMEM, "plan", NULL);
	tx->n = run->plan.n;
	return mf_download(ctx, mf_catalog_repos(run->catalog), run, tx->fetched);
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
	/* -errno is a failure of this machine, not of the package */
	if (r <= -MFE_FIRST)
		run->fault = MF_FAULT_PACKAGE;
	return r;
}

static int check_shadows(struct mf_context *ctx, struct mf_run *run, const struct transaction *tx)
{
	_cleanup_free_ const struct mf_rpm_header **headers = mf_proof_headers(tx->proofs, tx->n);

	if (!headers)
		return mf_fail(ctx, MF_STAGE_VERIFY, -ENOMEM, "shadows", NULL);
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

/* udev loads a module as soon as the indexes name it: so the loads are recorded before. */
static int note_expected_loads(struct mf_context *ctx, const struct mf_run *run,
			       struct transaction *tx)
{
	for (size_t i = 0; will_load(ctx, run) && i < tx->receipt.kernels.n; i++)
		if (!strcmp(tx->receipt.kernels.v[i], ctx->kernel))
			return mf_load_expect(ctx, &tx->pending_loads, run->wants.v, run->wants.n,
					      &tx->receipt.changed[i]);
	return 0;
}

/* The others are found before the transaction starts. */
static bool may_have_begun(int failure)
{
	return failure != -MFE_LOCKED && failure != -MFE_ALTERED && failure != -MFE_FILE_EXISTS &&
	       failure != -MFE_FORBIDDEN_FILE && failure != -MFE_DENIED;
}

/* One transaction. A driver that a device waits for is loaded as soon as nothing can refuse it any more. */
static int install_packages(struct mf_context *ctx, struct mf_run *run, struct transaction *tx)
{
	struct mf_installation *installation = NULL;
	bool early;
	int r = mf_install_begin(ctx, tx->proofs, tx->n, &run->plan.erase, &installation);

	if (r < 0)
		return r;
	early = mf_early_step(ctx, run, tx->kmod, tx->proofs, &tx->pending_loads);
	if (early)
		pipeline_stamp(run, MF_LOADED_EARLY);
	r = mf_install_finish(installation, &tx->receipt);
	if (r < 0 && early)
		mf_log(ctx, MF_LOG_WARNING,
		       "load: the driver is in the kernel, but not installed: after the next "
		       "boot it is missing, unless a later run installs it");
	return r;
}

static int pipeline_install(struct mf_context *ctx, struct mf_run *run, struct transaction *tx)
{
	int r = mf_trial_step_begin(ctx, run);

	if (!r)
		r = install_packages(ctx, run, tx);
	if (r < 0) {
		mf_trial_step_undo(ctx, run);
		/* a removal that failed half way may have removed modules */
		if (run->plan.erase.n && may_have_begun(r))
			mf_links_step_undo(ctx, NULL);
		return r;
	}
	pipeline_stamp(run, MF_INSTALLED);
	run->scriptlet = tx->receipt.scriptlet;
	mf_loading_mark(ctx);
	r = mf_links_update(ctx, tx->proofs, tx->n, &tx->receipt);
	if (!r)
		r = note_expected_loads(ctx, run, tx);
	if (!r)
		r = index_all(ctx, run, tx);
	if (!r)
		r = mf_misplaced_check_index(ctx, run, tx->proofs, &tx->refused);
	if (!r)
		mf_initrd_step_note(ctx, &tx->receipt);
	/* if the undo record stays, the next run would undo all: better undo it in this one */
	if (!r)
		r = mf_undo_forget(ctx);
	if (r < 0) {
		mf_install_undo(ctx, &tx->receipt);
		mf_trial_step_undo(ctx, run);
		run->scriptlet.code = 0;
		mf_links_step_undo(ctx, &tx->receipt.kernels);
		return r;
	}
	mf_links_step_settle(ctx);
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
	if (!r)
		r = mf_confirm_step(ctx, run);
	/* found before the download, not after it */
	if (!r)
		r = mf_install_check_room(ctx, run->plan.n, run->plan.install_size);
	ctx->scriptlets = mf_repos_have_scriptlets(mf_catalog_repos(run->catalog));
	if (r == 0)
		r = mf_verifier_new(ctx, &verifier);
	if (r < 0)
		return r;
	if (mf_early_step_is_possible(ctx, run))
		mf_verifier_keep_modules(verifier);
	if (ctx->kernel_running && !run->no_load)
		mf_verifier_warn(ctx, verifier);
	r = pipeline_fetch(ctx, run, tx);
	/* newer metadata does not name a package that its server does not have any more */
	tx->metadata_may_help = mf_fault_is_transient(r) && run->fault == MF_FAULT_PACKAGE;
	if (r < 0)
		return r;
	pipeline_stamp(run, MF_FETCHED);
	mf_record_log_fetched(ctx, run, tx->fetched);
	r = pipeline_verify(ctx, run, verifier, tx);
	/* policy for modules and firmware that the metadata does not name: only the files show them */
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

/* ---- all stages ---- */

/* Makes a plan for the matches. 0; 1: there is nothing to plan; or a recorded failure. */
static int resolve_matches(struct mf_context *ctx, struct mf_run *run, struct transaction *tx)
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
			if (run->selection.again)
				mf_plan_mark_again(&run->plan, run->selection.again);
			pipeline_stamp(run, MF_RESOLVED);
		}
	}
	run->selection.refused = NULL;
	return r;
}

/*
 * For a plan only: a package is installed, but its module is not in the indexes. If files of it are
 * missing, a run would install it again (pipeline_repair()), and the plan has to say so.
 */
static int resolve_incomplete(struct mf_context *ctx, struct mf_run *run, struct transaction *tx)
{
	int r;

	mf_plan_done(&run->plan);
	r = match_again(ctx, run, tx);
	if (!r)
		r = mf_repair_mark(ctx, &run->wants);
	return r < 0 ? r : resolve_matches(ctx, run, tx);
}

/* The same; what is on disk for another kernel is linked, if nothing in the plan has it. */
static int pipeline_resolve(struct mf_context *ctx, struct mf_run *run, struct transaction *tx)
{
	int r = resolve_matches(ctx, run, tx), linked;
	struct mf_saved_failure resolved;

	if (run->dry_run && mf_wants_any_misplaced(&run->wants))
		r = resolve_incomplete(ctx, run, tx);
	resolved = mf_failure_save(ctx);
	linked = mf_links_step_wants(ctx, run);
	if (!linked)
		mf_failure_restore(&resolved);
	if (linked <= 0)
		return linked < 0 ? linked : r;
	ctx->failure = (struct mf_failure){ 0 };
	mf_plan_done(&run->plan);
	r = match_again(ctx, run, tx);
	return r < 0 ? r : resolve_matches(ctx, run, tx);
}

static int run_once(struct mf_context *ctx, struct mf_run *run, struct transaction *tx)
{
	bool planned;
	size_t known;
	int r = pipeline_decide(ctx, run, tx);

	if (r < 0)
		return r;
	/* each round excludes the packages that verify refused from the next plan */
	do {
		known = tx->refused.whys.n;
		mf_plan_done(&run->plan);
		tx_drop_packages(tx);
		r = pipeline_resolve(ctx, run, tx);
		planned = r == 0;
		if (planned && !run->dry_run)
			r = pipeline_carry_out(ctx, run, tx);
	} while ((r == -MFE_DENIED || r == -MFE_MISPLACED) && tx->refused.whys.n > known);
	if (r < 0)
		return r;
	if (run->dry_run)
		return planned ? 0 : 1;
	r = mf_kernel_dir_same(ctx, &tx->tree);
	if (!r && planned)
		r = mf_match_narrow(ctx, run->wants.v, run->wants.n);
	if (!r)
		r = pipeline_load(ctx, run, tx);
	if (r < 0)
		return r;
	return planned || run->repaired || mf_wants_any_loaded(&run->wants) ? 0 : 1;
}

/*
 * Runs the stages, and once more with new metadata if the old is too old, has a damaged package list
 * or names a package that is gone. Not in a dry run. The first round has changed nothing then.
 */
static int run_renewing(struct mf_context *ctx, struct mf_run *run, struct transaction *tx)
{
	int r = run_once(ctx, run, tx);

	if (r >= 0 || !tx->metadata_may_help || !mf_renew_after(ctx, run, r))
		return r;
	tx_drop_packages(tx);
	mf_run_reset(run);
	return run_once(ctx, run, tx);
}

/* Also a failed run ends its pending loads: one that stays on disk means that the machine crashed. */
int mf_run_stages(struct mf_context *ctx, struct mf_run *run)
{
	_cleanup_(tx_done) struct transaction tx = { .tree = mf_kernel_dir(ctx) };
	int r = run->dry_run ? 0 : mf_pending_loads_prune(ctx, &tx.pending_loads);
	struct mf_saved_failure saved;

	if (r < 0)
		return r;
	r = run_renewing(ctx, run, &tx);
	saved = mf_failure_save(ctx);
	if (run->stamp[MF_INDEXED] && tx.receipt.kernels.n)
		mf_kept_step(ctx, run, tx.proofs);
	if (mf_pending_loads_finish(ctx, &tx.pending_loads) < 0)
		mf_log(ctx, MF_LOG_WARNING, "load: %s: %s", ctx->failure.what, ctx->failure.why);
	mf_failure_restore(&saved);
	return r;
}

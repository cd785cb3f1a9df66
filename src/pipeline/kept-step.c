/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keeps the packages of a run, after its drivers are loaded.
 *
 * Only on the machine itself, unless keep-versions says otherwise: a system below --root, or a chroot, is
 * mostly an image that is made, which shall not carry its packages twice.
 */
#include "kept-step.h"
#include <errno.h>
#include <stdlib.h>
#include "modfetch/cleanup.h"
#include "modfetch/kept.h"
#include "modfetch/machine.h"

static int keep_packages(struct mf_context *ctx, const struct mf_run *run,
			 struct mf_proof *const *proofs)
{
	_cleanup_free_ struct mf_kept_new *packages = calloc(run->plan.n + 1, sizeof(*packages));

	if (!packages)
		return mf_fail(ctx, MF_STAGE_INSTALL, -ENOMEM, "packages", NULL);
	for (size_t i = 0; i < run->plan.n; i++) {
		const struct mf_plan_item *item = &run->plan.items[i];

		packages[i] = (struct mf_kept_new){
			.fd = mf_proof_fd(proofs[i]),
			.label = mf_proof_nevra(proofs[i]),
			.repo = mf_catalog_repos(run->catalog)->v[item->repo].id,
			.sha256 = item->sha256,
			.header = mf_proof_header(proofs[i]),
		};
	}
	return mf_kept_add(ctx, packages, run->plan.n);
}

void mf_kept_step(struct mf_context *ctx, const struct mf_run *run, struct mf_proof *const *proofs)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);
	bool is_image = *ctx->root || !mf_machine_has_devices(ctx);

	if (!run->plan.n || !proofs || (is_image && ctx->settings.keep_versions == MF_KEEP_DEFAULT))
		return;
	if (keep_packages(ctx, run, proofs) < 0)
		mf_log(ctx, MF_LOG_WARNING,
		       "install: the packages are not kept for a way back: %s: %s",
		       ctx->failure.what, ctx->failure.why);
}

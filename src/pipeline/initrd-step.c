/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When a run takes care of the initrds.
 *
 * The drivers are installed and stay so, whatever becomes of the initrds. It is the last thing that a
 * run does: devices and their drivers do not wait for it. An unattended run leaves it to
 * modfetch-initrd.path. A failed run settles too: it may have left an entry, and finds no difference.
 */
#include "initrd-step.h"
#include "modfetch/initrd.h"

void mf_initrd_step_note(struct mf_context *ctx, const struct mf_receipt *receipt)
{
	for (size_t i = 0; i < receipt->kernels.n; i++)
		mf_initrd_note(ctx, receipt->kernels.v[i], &receipt->changed[i]);
}

int mf_initrd_step_settle(struct mf_context *ctx, const struct mf_run *run, int result)
{
	const struct mf_saved_failure saved = mf_failure_save(ctx);
	int r = run->stamp[MF_INSTALLED] && !ctx->unattended ? mf_initrd_settle(ctx) : 0;

	if (result < 0)
		mf_failure_restore(&saved);
	return r < 0 && result >= 0 ? r : result;
}

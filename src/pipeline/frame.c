/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is around the stages of a run: the lock, what an interrupted run left, the question to the
 * user, the line in the history, the hooks.
 *
 * One lock is held from the first look at the installed packages to the end, so that the plan is still
 * valid when it is carried out. The user is asked without it: the plan is dropped, and made again
 * after the answer.
 */
#include "modfetch/pipeline.h"
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/history.h"
#include "modfetch/hooks.h"
#include "modfetch/install.h"
#include "modfetch/links.h"
#include "modfetch/load.h"
#include "modfetch/stubs.h"
#include "modfetch/undo.h"
#include "asked-step.h"
#include "confirm-step.h"
#include "initrd-step.h"
#include "stages.h"

/* Records the end of a run, and reports it to the other parts of the machine. Closes LOCK. */
static int run_finish(struct mf_context *ctx, struct mf_run *run, int r, int lock)
{
	_cleanup_free_ char *line = NULL;

	if (r >= 0)
		mf_stubs_refresh(ctx, run->stamp[MF_INSTALLED] || run->repaired || run->refreshed);
	/* no device waits any more: the next one shall not wait for this */
	if (run->stamp[MF_INSTALLED])
		mf_installed_refresh(ctx);
	/* packages are installed and drivers loaded, but a scriptlet failed */
	if (r >= 0 && run->scriptlet.code) {
		ctx->failure = run->scriptlet;
		r = run->scriptlet.code;
	}
	mf_record_end(ctx, run, r, &line);
	mf_asked_step(ctx, run, r);
	mf_loading_unmark(ctx);
	/* a hook may call modfetch */
	close(lock);
	if ((r == 0 || r == run->scriptlet.code) && line && run->stamp[MF_INSTALLED] &&
	    mf_wants_any_loaded(&run->wants))
		mf_hooks_run(ctx, line, MF_HOOK_SECONDS);
	return mf_initrd_step_settle(ctx, run, r);
}

/*
 * Runs the stages with the lock. 0, 1 or a recorded failure; in RET_ASK: the plan has to be confirmed,
 * and nothing was done.
 */
static int run_locked(struct mf_context *ctx, struct mf_run *run, bool *ret_ask)
{
	int lock, r;

	memset(run->stamp, 0, sizeof(run->stamp));
	run->stamp[MF_STARTED] = mf_now_us();
	lock = mf_lock(ctx);
	if (lock < 0)
		return lock;
	r = mf_undo_recover(ctx);
	if (!r)
		r = mf_links_recover(ctx);
	if (r >= 0)
		r = mf_run_stages(ctx, run);
	*ret_ask = r == -MFE_NOT_CONFIRMED;
	if (*ret_ask) {
		close(lock);
		return 0;
	}
	return run_finish(ctx, run, r, lock);
}

int mf_pipeline_run(struct mf_context *ctx, struct mf_run *run)
{
	bool ask = false;
	int r;

	if (run->dry_run) {
		run->stamp[MF_STARTED] = mf_now_us();
		return mf_run_stages(ctx, run);
	}
	for (;;) {
		r = run_locked(ctx, run, &ask);
		if (!ask || r < 0)
			return r;
		r = mf_confirm_ask(ctx, run);
		if (r < 0)
			return r;
		mf_run_reset(run);
	}
}

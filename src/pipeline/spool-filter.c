/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The entries that a pass over the spool leaves out.
 *
 * An entry with MF_TRIES_MAX runs that did not end is set aside: it is written to the disk there
 * first and leaves the spool then, so that a crash in between only repeats this step and loses no
 * device. An event for an entry that is set aside already only adds its device there.
 */
#include "spool-filter.h"
#include <stdio.h>
#include <stdlib.h>
#include "modfetch/cleanup.h"
#include "modfetch/drain.h"
#include "modfetch/history.h"
#include "modfetch/journal.h"
#include "modfetch/pipeline.h"
#include "modfetch/spool.h"
#include "modfetch/strings.h"
#include "tries.h"

/* Writes a history record like that of a failed run, since no run will write one. */
static void filter_record(struct mf_context *ctx, const struct mf_spool_entry *entry)
{
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "queue" };
	_cleanup_free_ char *line = NULL, *syspath = NULL;
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);
	struct mf_want want;

	if (entry->devpaths.n)
		syspath = mf_format("/sys%s", entry->devpaths.v[0]);
	if (mf_want_init(ctx, entry->modalias, syspath, &want) == 0)
		(void)mf_wants_add(&run.wants, &want);
	/* the record gets the failure of before */
	mf_failure_restore(&saved);
	if (mf_record_run(ctx, &run, ctx->failure.code, &line) < 0)
		mf_log(ctx, MF_LOG_WARNING, "history: %s: %s", ctx->failure.what, ctx->failure.why);
}

void mf_spool_report_failure(struct mf_context *ctx, const char *modalias, int code, bool later)
{
	const struct mf_failure *f = &ctx->failure;
	char message[768];

	snprintf(message, sizeof(message), "%s: %s: %s [%s]%s", mf_stage_name(f->stage), f->what,
		 f->why, mf_error_name(code), later ? ", will be tried again" : "");
	if (mf_journal_send(later ? MF_LOG_INFO : MF_LOG_WARNING,
			    later ? MF_MESSAGE_DEFERRED : MF_MESSAGE_FAILED, message,
			    (const struct mf_journal_field[]){
				    { "MODALIAS", modalias },
				    { "MODFETCH_STAGE", mf_stage_name(f->stage) },
				    { "MODFETCH_CODE", mf_error_name(code) },
			    },
			    3) < 0)
		mf_log(ctx, MF_LOG_WARNING, "%s", message);
}

static int filter_set_aside(struct mf_context *ctx, const struct mf_spool_entry *entry)
{
	int r = mf_aside_put(ctx, entry);

	if (r < 0)
		return r;
	mf_fail(ctx, MF_STAGE_EVENT, -MFE_SET_ASIDE, entry->modalias,
		"%d runs for it crashed or were killed; it is not tried again until modfetch or "
		"the repositories change; to try it again: modfetch queue --retry",
		MF_TRIES_MAX);
	mf_spool_report_failure(ctx, entry->modalias, ctx->failure.code, false);
	filter_record(ctx, entry);
	if (!entry->devpaths.n)
		(void)mf_failed_note(ctx, entry->modalias);
	return 0;
}

int mf_spool_filter(struct mf_context *ctx, int spool_fd, struct mf_spool_entry *entries, size_t *n,
		    size_t *ret_aside)
{
	_cleanup_(mf_aside_done) struct mf_aside aside = { 0 };
	size_t left = 0, crashed = 0;
	int r = mf_aside_read(ctx, &aside);

	for (size_t i = 0; i < *n; i++) {
		bool known = r == 0 && mf_aside_find(&aside, entries[i].modalias);
		bool out = r == 0 && (known || entries[i].tries >= MF_TRIES_MAX);

		if (out)
			r = known ? mf_aside_put(ctx, &entries[i])
				  : filter_set_aside(ctx, &entries[i]);
		if (out && r == 0) {
			crashed += !known;
			r = mf_spool_remove(spool_fd, &entries[i]);
			if (r < 0)
				mf_fail(ctx, MF_STAGE_EVENT, r, entries[i].name, NULL);
			mf_spool_entry_done(&entries[i]);
		} else {
			entries[left++] = entries[i];
		}
	}
	*n = left;
	*ret_aside = crashed;
	return r;
}

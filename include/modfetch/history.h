/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_HISTORY_H
#define MODFETCH_HISTORY_H
/*
 * The history of runs: /var/lib/modfetch/history, one JSON object per line, oldest first. A line is
 * appended with one write and synced: a reader sees all of it or nothing.
 */
#include "modfetch/context.h"
#include "modfetch/json.h"
#include "modfetch/pipeline.h"

/*
 * Appends a record and sets its "id": one more than that of the last record, from 1 on. RET_ID: this
 * id. 0 or -errno, recorded.
 */
int mf_history_add(struct mf_context *ctx, struct mf_json *record, int64_t *ret_id);

/* Called for each record (borrowed), oldest first. A non-zero return ends the reading. */
typedef int mf_history_visit(void *arg, struct mf_json *record);
/*
 * Calls VISIT for each record. A line that is not JSON is passed over; a missing file has no
 * records. 0, the visitor's return, or -errno, recorded.
 */
int mf_history_read(struct mf_context *ctx, mf_history_visit *visit, void *arg);

/*
 * The record with that ID, the caller's to free. 0; -MFE_NOT_FOUND or -errno, recorded.
 */
int mf_history_find(struct mf_context *ctx, int64_t id, struct mf_json **ret_record);

/*
 * A run as JSON: the stable object of `lookup --json`, and the line of the history.
 */

/*
 * {"kernel", "results":[{"query","state","modules","packages","reason"}], "install":[{"name","evr",
 * "arch","repo","size","why"}], "remove":[…]}; the caller's to free with mf_json_free().
 */
struct mf_json *mf_record_plan(const struct mf_context *ctx, const struct mf_run *run);

/*
 * Appends the run to the history, whose id for it becomes run->id: time, verb, kernel, outcome ("done", "nothing", or the error's
 * code), queries with devices, modules loaded and driver, packages with digests, milliseconds of
 * each stage, and the stamps themselves in microseconds of CLOCK_MONOTONIC. RESULT is the return
 * value of the pipeline. The line, without its end, is the caller's to free; NULL: no memory. 0 or
 * -errno, recorded.
 */
int mf_record_run(struct mf_context *ctx, struct mf_run *run, int result, char **ret_line);

/*
 * Did policy refuse a part of the run, and did nothing else happen? Such a run is not recorded: a
 * refused device costs no write, however often it appears.
 */
bool mf_record_is_refusal(const struct mf_run *run, int result);
/*
 * At the end of a run: mf_record_run() unless it is a refusal. A failure of the history is only
 * logged, so that the failure of the run stays in the context. RET_LINE stays untouched where
 * nothing was written.
 */
void mf_record_end(struct mf_context *ctx, struct mf_run *run, int result, char **ret_line);
/*
 * Logs a line for each package that was FETCHED for the plan, unless progress is shown; of an unattended run at
 * debug level.
 */
void mf_record_log_fetched(const struct mf_context *ctx, const struct mf_run *run,
			   const struct mf_fetched *fetched);

#endif

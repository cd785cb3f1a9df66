/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_HISTORY_H
#define MODFETCH_HISTORY_H
/*
 * What happened: /var/lib/modfetch/history, one JSON object a line, oldest first. A line is
 * appended with one write and synced: a reader sees it whole or not at all.
 */
#include "modfetch/context.h"
#include "modfetch/json.h"
#include "modfetch/pipeline.h"

/* Appends a record. 0 or -errno, recorded. */
int mf_history_add(struct mf_context *ctx, struct mf_json *record);

/* Told each record, oldest first; a line that is no JSON is passed over. Non-zero ends it. */
typedef int mf_history_visit(void *arg, struct mf_json *record);
/* No history is no record. 0, the visitor's return, or -errno, recorded. */
int mf_history_read(struct mf_context *ctx, mf_history_visit *visit, void *arg);

/*
 * A run as JSON: the stable object of `lookup --json`, and the line of the history.
 */

/*
 * {"kernel", "results":[{"query","state","modules","packages","reason"}], "install":[{"name","evr",
 * "arch","repo","size","why"}], "remove":[…]}; the caller's to free.
 */
struct mf_json *mf_record_plan(const struct mf_context *ctx, const struct mf_run *run);

/*
 * Appends the run to the history: time, verb, kernel, outcome ("done", "nothing", or the error's
 * code), queries with devices, modules loaded and driver, packages with digests, milliseconds of
 * each stage, and the stamps themselves in microseconds of CLOCK_MONOTONIC. RESULT is what the road
 * returned. The line, without its end, is the caller's to free; NULL: no memory. 0 or -errno,
 * recorded.
 */
int mf_record_run(struct mf_context *ctx, const struct mf_run *run, int result, char **ret_line);

/*
 * Did policy refuse something of the run, and nothing else happen? Then it is not recorded: a device
 * that is refused costs no write, however often it comes.
 */
bool mf_record_is_refusal(const struct mf_run *run, int result);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_HISTORY_H
#define MODFETCH_HISTORY_H
/*
 * What happened: /var/lib/modfetch/history, one JSON object a line, oldest first. A line is
 * appended with one write and synced: a reader sees it whole or not at all.
 */
#include "modfetch/context.h"
#include "modfetch/json.h"

/* Appends a record. 0 or -errno, recorded. */
int mf_history_add(struct mf_context *ctx, struct mf_json *record);

/* Told each record, oldest first; a line that is no JSON is passed over. Non-zero ends it. */
typedef int mf_history_visit(void *arg, struct mf_json *record);
/* No history is no record. 0, the visitor's return, or -errno, recorded. */
int mf_history_read(struct mf_context *ctx, mf_history_visit *visit, void *arg);

#endif

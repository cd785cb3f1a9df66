/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SPOOL_FILTER_H
#define MODFETCH_SPOOL_FILTER_H
/*
 * Filters the entries of the spool before a run: it removes those that are set aside, and sets aside
 * those with too many crashed runs.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/spool.h"

/*
 * Removes such entries from ENTRIES, after their tries were read, and from the spool SPOOL_FD.
 * Entries set aside by this call are written to the history and the journal, and recorded as a
 * failure; RET_ASIDE gets their number. 0 or -errno, recorded.
 */
int mf_spool_filter(struct mf_context *ctx, int spool_fd, struct mf_spool_entry *entries, size_t *n,
		    size_t *ret_aside);

/*
 * Sends the failure on record, returned as CODE, to the journal, or logs it if there is none.
 * MODALIAS may be NULL. LATER: it will be tried again.
 */
void mf_spool_report_failure(struct mf_context *ctx, const char *modalias, int code, bool later);

#endif

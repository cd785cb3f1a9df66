/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SPOOL_FILTER_H
#define MODFETCH_SPOOL_FILTER_H
/*
 * Which entries of the spool are worth a run: not what is set aside, nor what has crashed too often
 * and is set aside now.
 */
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/spool.h"

/*
 * Takes those out of ENTRIES, whose tries were read, and out of the spool SPOOL_FD. What is set
 * aside now is in the history and the journal, and recorded as a failure; RET_ASIDE says how many
 * these are. 0 or -errno, recorded.
 */
int mf_spool_filter(struct mf_context *ctx, int spool_fd, struct mf_spool_entry *entries, size_t *n,
		    size_t *ret_aside);

#endif

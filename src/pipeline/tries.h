/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_TRIES_H
#define MODFETCH_TRIES_H
/*
 * The number of runs that began with an entry of the spool and did not end: the process crashed, or
 * was killed because of its time or its memory. It is written before a run begins, so the next
 * process after a crash knows the entries of that run.
 */
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/spool.h"

#define MF_TRIES_FILE "run/modfetch/tries"
#define MF_TRIES_MAX  2 /* runs that did not end; then the entry is set aside (modfetch/drain.h) */

/* Sets the tries of each entry: 0 if the file does not list it, or is damaged. */
void mf_tries_read(const struct mf_context *ctx, struct mf_spool_entry *entries, size_t n);
/*
 * Writes the tries of the entries that have any; if none has, removes the file. Drops entries of the
 * old file. 0 or -errno, not recorded.
 */
int mf_tries_write(const struct mf_context *ctx, const struct mf_spool_entry *entries, size_t n);

#endif

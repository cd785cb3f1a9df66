/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_TRIES_H
#define MODFETCH_TRIES_H
/*
 * Which entries of the spool took part in runs that began and did not end: the process crashed, or
 * was killed for its time or its memory. The record is written before a run begins, so whoever
 * comes after a crash knows what was being done.
 */
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/spool.h"

#define MF_TRIES_FILE "run/modfetch/tries"
#define MF_TRIES_MAX  2 /* runs that did not end; then the entry is set aside (modfetch/drain.h) */

/* Sets the tries of each entry: 0 where the file says nothing of it, or is damaged. */
void mf_tries_read(const struct mf_context *ctx, struct mf_spool_entry *entries, size_t n);
/*
 * Writes the tries of those entries that have some; without one the file goes. What the file said
 * of others is forgotten. 0 or -errno, not recorded.
 */
int mf_tries_write(const struct mf_context *ctx, const struct mf_spool_entry *entries, size_t n);

#endif

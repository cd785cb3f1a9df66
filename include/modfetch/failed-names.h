/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_FAILED_NAMES_H
#define MODFETCH_FAILED_NAMES_H
/*
 * Names that the kernel asked for and that could not be had for good. Any user can provoke such a
 * request: within MF_FAILED_SECONDS the same download is not tried again for the kernel. Libc only.
 */
#include <stdbool.h>
#include "modfetch/context.h"

#define MF_FAILED_FILE	  "run/modfetch/failed"
#define MF_FAILED_SECONDS 3600
#define MF_FAILED_NAMES	  256 /* the oldest make room */

/* Has NAME, however its '-' and '_' are written, failed lately? False if nobody can tell. */
bool mf_failed_lately(const struct mf_context *ctx, const char *name);

/* Remembers that NAME failed now. 0, -EINVAL (no name that modprobe could have) or -errno. */
int mf_failed_note(const struct mf_context *ctx, const char *name);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INITRD_REBUILD_H
#define INITRD_REBUILD_H
/* Makes an initrd again. */
#include "modfetch/context.h"

/*
 * Makes the initrd of the context's kernel again, as settings.regenerate_initrd says. WHY, a clause,
 * is logged. 0: it is new; 1: that was not possible or not wanted here, which is logged where the
 * admin has to act; -MFE_INITRD, recorded: the program failed, and the old initrd stays.
 */
int mf_initrd_rebuild(struct mf_context *ctx, const char *why);

#endif

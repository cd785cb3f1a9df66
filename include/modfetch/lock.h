/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_LOCK_H
#define MODFETCH_LOCK_H
/*
 * One writer: /run/modfetch/lock, an flock that the kernel lets go with the process that held it.
 */
#include "modfetch/context.h"

/*
 * Takes the lock, waiting at most settings.lock_timeout seconds and saying so. Returns the
 * descriptor that holds it (closing it lets go), -MFE_LOCKED or -errno, recorded.
 */
int mf_lock(struct mf_context *ctx);

#endif

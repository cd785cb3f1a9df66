/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_LOCK_H
#define MODFETCH_LOCK_H
/*
 * One writer: /run/modfetch/lock, an flock that the kernel lets go with the process that held it.

 * Whoever holds it and is about to make modules visible or load them leaves MF_LOADING_FILE until it
 * has ended: a driver that is being loaded may ask for another module and wait for the answer, so
 * who serves such a request must not wait for the lock. A killed run leaves the file behind; it
 * counts only while the lock is held.
 */
#include "modfetch/context.h"

#define MF_LOADING_FILE "run/modfetch/loading"

/*
 * Takes the lock, waiting at most settings.lock_timeout seconds and saying so. Returns the
 * descriptor that holds it (closing it lets go), -MFE_LOCKED or -errno, recorded. A context that is
 * from_modprobe does not wait while the holder loads: -MFE_LOCKED at once.
 */
int mf_lock(struct mf_context *ctx);

/*
 * The same for who drains the spool, /run/modfetch/queue.lock: what it notes of a run that has
 * begun must not be taken for one that crashed by another. Taken before mf_lock(), never while it
 * is held.
 */
int mf_lock_spool(struct mf_context *ctx);

#endif

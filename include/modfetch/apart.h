/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_APART_H
#define MODFETCH_APART_H
/*
 * Work in a process of its own: for a library that keeps state for the whole process, which a
 * failure may leave unusable.
 */
#include "modfetch/context.h"

typedef int mf_apart_work(struct mf_context *ctx, void *arg);

/*
 * Forks, calls WORK in the child and waits for it. Returns what WORK returned, and takes over the
 * failure it recorded; nothing else it changes in memory comes back. -ECHILD, recorded: the child
 * ended without an answer. To be called while there is one thread.
 */
int mf_apart(struct mf_context *ctx, const char *stage, mf_apart_work *work, void *arg);

#endif

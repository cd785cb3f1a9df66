/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_HOOKS_H
#define MODFETCH_HOOKS_H
/*
 * Behind the road: programs of the admin's, started when a driver has arrived. No device waits for
 * them, and what becomes of them changes nothing of the run.
 */
#include <stddef.h>
#include "modfetch/context.h"

#define MF_HOOKS_DIRECTORY "etc/modfetch/hooks.d"

/*
 * Runs the programs of the directory one after another, in the order of their names, with LINE, the
 * run's line of the history, on their standard input. Each has SECONDS. What is not root's (or
 * ours) alone to write is not run; that, and one that fails or is killed for its time, is a
 * warning. Returns how many ended well.
 */
size_t mf_hooks_run(const struct mf_context *ctx, const char *line, unsigned int seconds);

#endif

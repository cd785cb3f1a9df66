/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_HOOKS_H
#define MODFETCH_HOOKS_H
/*
 * After the pipeline: the admin's programs, started when a driver was installed and loaded. No
 * device waits for them, and their results do not change the run.
 */
#include <stddef.h>
#include "modfetch/context.h"

#define MF_HOOKS_DIRECTORY "etc/modfetch/hooks.d"

/*
 * Runs the programs of the directory one after another, in the order of their names, with LINE, the
 * run's line of the history, on their standard input. A program that takes longer than SECONDS is
 * killed. A program that a user other than root (or ours) can write to is not run. Both cases, and
 * a program that fails, are logged as warnings. Returns the number of programs that succeeded.
 */
size_t mf_hooks_run(const struct mf_context *ctx, const char *line, unsigned int seconds);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_HOOKS_H
#define MODFETCH_HOOKS_H
/*
 * The admin's programs. They are started after the pipeline, when a driver was installed and loaded
 * (no device waits for them, and their results do not change the run), and for a report of the used
 * drivers, if the admin has enabled that.
 */
#include <stddef.h>
#include "modfetch/context.h"

#define MF_HOOKS_DIRECTORY "etc/modfetch/hooks.d"
#define MF_HOOK_SECONDS	   30

/*
 * Runs the programs of the directory one after another, in the order of their names, with LINE on their
 * standard input: the run's line of the history, or another object with an "event". A program that takes longer than SECONDS is
 * killed. A program that a user other than root (or ours) can write to is not run. Both cases, and
 * a program that fails, are logged as warnings. Returns the number of programs that succeeded.
 */
size_t mf_hooks_run(const struct mf_context *ctx, const char *line, unsigned int seconds);

#endif

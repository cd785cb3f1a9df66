/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_STUBS_H
#define MODFETCH_STUBS_H
/*
 * What modprobe is told about modules that the repositories have and the disk has not:
 * /run/modprobe.d/zz-modfetch.conf, an "install NAME" line each, so that "modprobe NAME" fetches.
 * A function that fails leaves the file of before: a stub for what has come meanwhile costs a
 * detour, a missing one is the "not found" of a machine without modfetch.
 */
#include <stdbool.h>
#include "modfetch/context.h"

/*
 * Writes the file for the context's kernel, or removes it where there is nothing to fetch, in an
 * initrd, and with modfetch=off on the kernel's command line. Does nothing for a kernel that the
 * running system does not run. Never touches a file that is right already. 0 or a recorded error.
 */
int mf_stubs_update(struct mf_context *ctx);
/* Is there no file, where one may be wanted? It does not outlive the boot. */
bool mf_stubs_missing(const struct mf_context *ctx);

/*
 * What a run does at its end: makes the file if something has CHANGED or there is none. That it
 * cannot be written is a line in the log and nothing more: the drivers are there.
 */
void mf_stubs_follow(struct mf_context *ctx, bool changed);

#endif

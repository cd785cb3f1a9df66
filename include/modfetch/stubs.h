/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_STUBS_H
#define MODFETCH_STUBS_H
/*
 * The configuration that makes modprobe fetch modules that the repositories have and the disk has
 * not: /run/modprobe.d/zz-modfetch.conf, one "install NAME" line per module. A function that fails
 * leaves the old file: a line for a module that is on disk by now costs a detour; a missing line is
 * the "not found" of a machine without modfetch.
 */
#include <stdbool.h>
#include "modfetch/context.h"

/*
 * Writes the file for the kernel of the context, or removes it without a repository, in an initrd,
 * and with modfetch=off on the kernel command line. If there is nothing to fetch, the file has no
 * lines, which says so to the next run. Does nothing for a kernel that is not the running one. Does
 * not write a file that is up to date. 0 or a recorded error.
 */
int mf_stubs_update(struct mf_context *ctx);
/*
 * Was the file written for the repositories, module indexes and modprobe.d as they are now? Other
 * programs change them too, and the file does not survive a reboot. True for a kernel that is not
 * the running one.
 */
bool mf_stubs_current(const struct mf_context *ctx);

/*
 * For the end of a run: updates the file if something CHANGED or it is not current. A failure is
 * only a line in the log: the drivers are installed.
 */
void mf_stubs_refresh(struct mf_context *ctx, bool changed);

#endif

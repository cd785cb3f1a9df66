/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_KERNEL_DIR_H
#define MODFETCH_KERNEL_DIR_H
/*
 * The identity of the context's kernel directory, lib/modules/KVER below the root.
 */
#include <sys/stat.h>
#include "modfetch/context.h"

/* The directory as it is now; st_ino 0: there is none. Never fails. */
struct stat mf_kernel_dir(const struct mf_context *ctx);
/*
 * Is it still the directory of BEFORE? 0: yes, or there was none. -MFE_KERNEL_CHANGED, recorded: it
 * was replaced or is gone.
 */
int mf_kernel_dir_same(struct mf_context *ctx, const struct stat *before);

#endif

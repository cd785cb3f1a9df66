/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INSPECT_GONE_H
#define INSPECT_GONE_H
#include "modfetch/context.h"

/*
 * Removes the indexes in the directory of KERNEL, which is not installed, and the directories in it,
 * and itself, that are empty then. 0 or -errno, recorded.
 */
int inspect_remove_indexes(struct mf_context *ctx, const char *kernel);

#endif

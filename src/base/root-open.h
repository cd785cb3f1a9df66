/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_ROOT_OPEN_H
#define BASE_ROOT_OPEN_H
#include "modfetch/context.h"

/* Opens PATH itself below the root, as mf_context_open() does with the path that it decides on. */
int root_open(const struct mf_context *ctx, const char *path, int flags);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_MODULES_PLACE_H
#define BASE_MODULES_PLACE_H
#include "modfetch/context.h"

/* Sets the context's place of the module directories; its root is open. */
void modules_place_find(struct mf_context *ctx);
/*
 * RET_PATH: the path to open in place of PATH, the caller's to free; NULL: PATH itself. 0 or
 * -ENOMEM.
 */
int modules_place_path(const struct mf_context *ctx, const char *path, char **ret_path);

#endif

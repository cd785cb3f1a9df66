/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INSPECT_KERNEL_CONFIG_H
#define INSPECT_KERNEL_CONFIG_H
/* The configuration that a kernel was built with. */
#include <stdbool.h>
#include "modfetch/context.h"

/*
 * The text of the context's kernel's configuration, the caller's to free: from /boot/config-K, or
 * "config" or "build/.config" in its directory. NULL: there is none, or no memory.
 */
char *inspect_read_config(const struct mf_context *ctx);
/* Is OPTION set to y in it? False for NULL. */
bool inspect_config_has(const char *config, const char *option);

#endif

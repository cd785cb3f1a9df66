/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_KERNEL_CONFIG_H
#define MODFETCH_KERNEL_CONFIG_H
/*
 * The configuration that a kernel was built with. The format is that of Kconfig
 * (Documentation/kbuild/kconfig.rst): lines "CONFIG_NAME=y" and "# CONFIG_NAME is not set".
 */
#include <stdbool.h>
#include "modfetch/context.h"

/*
 * The configuration of KERNEL, a release, as text, the caller's to free: from /boot/config-K,
 * "config" or "build/.config" in its directory, or its headers. 0; 1: there is none that can be
 * read; -ENOMEM. Records nothing.
 */
int mf_kernel_config_read(const struct mf_context *ctx, const char *kernel, char **ret_text);
/* Is OPTION ("CONFIG_NAME") set to y in it? False for NULL. Pure. */
bool mf_kernel_config_has(const char *config, const char *option);

#endif

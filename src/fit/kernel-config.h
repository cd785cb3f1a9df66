/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FIT_KERNEL_CONFIG_H
#define FIT_KERNEL_CONFIG_H
/* The options of a kernel's configuration that decide what it loads; see kernel-config.c. */
#include <stdbool.h>
#include "modfetch/context.h"

enum fit_option {
	FIT_MODULE_FORCE_LOAD,
	FIT_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS,
	FIT_MODULE_ALLOW_BTF_MISMATCH,
	FIT_DEBUG_INFO_BTF_MODULES,
	FIT_N_OPTIONS
};

/* Zeroed: not read yet. */
struct fit_config {
	bool read;
	bool found; /* there is a configuration */
	bool on[FIT_N_OPTIONS];
};

/* Is an option on? Reads the configuration at the first call. 0 or -errno; a missing file: off. */
int fit_config_has(const struct mf_context *ctx, const char *kernel, struct fit_config *config,
		   enum fit_option option, bool *ret_on);

#endif

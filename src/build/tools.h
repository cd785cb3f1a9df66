/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BUILD_TOOLS_H
#define BUILD_TOOLS_H
/* The compiler and the headers for a kernel. */
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

struct build_tools {
	char *headers; /* absolute: /lib/modules/KVER/build, below the root; NULL: they are missing */
	char *config;	/* the text of include/config/auto.conf in it, or "" */
	char *compiler; /* the program that built the kernel: "gcc-12"; NULL: not known */
	/*
	 * of the kernel's release, configuration and exports, and of the compiler's file: a build that failed is
	 * tried again when this changes
	 */
	uint8_t digest[MF_SHA256_LEN];
};

/* Finds them for the context's kernel. 0 (also if some are missing) or -ENOMEM, recorded. */
int build_tools_find(struct mf_context *ctx, struct build_tools *ret_tools);
void build_tools_done(struct build_tools *tools);

/* Fails if anything is missing that every build needs. 0 or -MFE_TOOL, recorded, with the way out. */
int build_tools_check(struct mf_context *ctx);

#endif

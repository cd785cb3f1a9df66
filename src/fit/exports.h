/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FIT_EXPORTS_H
#define FIT_EXPORTS_H
/* What a kernel without its modules exports, and where that is known from; see exports.c. */
#include "modfetch/context.h"
#include "export-list.h"
#include "index.h"

/* Reads the symvers of KERNEL, with the exports of its modules. 0; 1: it has none; -errno, recorded. */
int fit_exports_symvers(struct mf_context *ctx, const char *kernel, struct fit_exports *exports);
/*
 * Reads what the kernel's image says, or else the modules of its INDEX and its
 * System.map. From the cache, if that is of the same files; CACHE_ONLY: else nothing. 0 or -errno,
 * recorded.
 */
int fit_exports_other(struct mf_context *ctx, const char *kernel, const struct fit_index *index,
		      bool cache_only, struct fit_exports *exports);

#endif

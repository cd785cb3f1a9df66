/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SHARED_H
#define MODFETCH_SHARED_H
/*
 * The packages of other kernels that serve a kernel: modfetch pack --share publishes them as a
 * package of the kernel that they serve, kernel-shared-driver-F-A, which provides "shared-kmp(NAME) =
 * DIGEST" for each; DIGEST is the beginning of the SHA-256 of the package file.
 */
#include <stddef.h>
#include "modfetch/solv.h"

/* The tag of the kernel, "amd64-6.1.0_56", if NAME is that of such a package; borrowed, or NULL. */
const char *mf_shared_tag(const char *name);
/*
 * The packages that the package LIST names and that the pool, which is ready, has with these
 * digests. RET_IDS is the caller's to free. 0 or -ENOMEM.
 */
int mf_shared_packages(struct mf_pool *pool, int list, int **ret_ids, size_t *ret_n);

#endif

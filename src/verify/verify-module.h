/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VERIFY_VERIFY_MODULE_H
#define VERIFY_VERIFY_MODULE_H
/* The check of one module of a package. */
#include "modfetch/verify.h"

/*
 * As mf_verify_module(); DIGEST is that of the LEN bytes. RET_INFO is the caller's, for
 * mf_modinfo_done(), also after a failure.
 */
int verify_module(struct mf_context *ctx, struct mf_module_verifier *v, const char *path,
		  const void *buf, size_t len, const uint8_t digest[MF_SHA256_LEN],
		  struct mf_modinfo *ret_info);

#endif

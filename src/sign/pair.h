/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIGN_PAIR_H
#define SIGN_PAIR_H
/* The files of the key. */
#include "modfetch/context.h"
#include "modfetch/crypto.h"

#define KEYS		"etc/modfetch/keys"
#define PRIVATE_KEY	"build.key"
#define CERTIFICATE	"build.der" /* MF_BUILD_CERTIFICATE; and its copy in MF_MODULE_KEYS */
#define CERTIFICATE_MAX (64 << 10)

/*
 * Reads the key and its certificate, and checks that they may be used. DIRFD is KEYS. 0; 1: there is
 * no private key; -MFE_CONFIG or -errno, recorded. RET_PAIR is for mf_key_pair_done().
 */
int sign_pair_read(struct mf_context *ctx, int dirfd, struct mf_key_pair *ret_pair);
/* Makes them. 0, -MFE_FILE_EXISTS or -errno, recorded. */
int sign_pair_make(struct mf_context *ctx, int dirfd);

#endif

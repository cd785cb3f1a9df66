/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_GPGCHECK_H
#define MODFETCH_GPGCHECK_H
/*
 * gpgcheck=1 of a .repo file: each package carries an OpenPGP signature over its header, by a key
 * that the .repo file names. The header has the digests of everything else in the package, and
 * librpm compares those. The system's rpm macros do not change this check.
 */
#include "modfetch/context.h"
#include "modfetch/repo.h"

/*
 * Checks the package file in FD, sealed. 0, also if the repository has no gpgcheck=1;
 * -MFE_NO_KEYS (it names no OpenPGP key), -MFE_NO_SIGNATURE, -MFE_BAD_SIGNATURE,
 * -MFE_UNTRUSTED_KEY, -MFE_NO_SQV, -MFE_REVOKED, -MFE_BAD_PACKAGE or -errno, recorded.
 */
int mf_gpgcheck(struct mf_context *ctx, const struct mf_repo *repo, const char *package, int fd);

#endif

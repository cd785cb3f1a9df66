/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_DENY_H
#define MODFETCH_DENY_H
/*
 * The local deny list, /etc/modfetch/keys/deny.d: fingerprints of keys and digests of files that
 * this machine refuses even with a valid signature. It overrides everything else.
 */
#include "modfetch/context.h"
#include "modfetch/strings.h"

/*
 * Is this digest, or fingerprint in hexadecimal digits, on the list? WHAT is the subject of the
 * failure record, KIND the thing that HEX identifies ("key", "repomd.xml", "package", "module"). 0:
 * it is not; -MFE_REVOKED; -MFE_CONFIG for a list that cannot be read, since then nothing is known
 * to be allowed; -ENOMEM. Recorded.
 */
int mf_deny_check(struct mf_context *ctx, const char *what, const char *kind, const char *hex);
int mf_deny_check_digest(struct mf_context *ctx, const char *what, const char *kind,
			 const uint8_t digest[MF_SHA256_LEN]);

#endif

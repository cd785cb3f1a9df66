/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_TRUST_H
#define MODFETCH_TRUST_H
/*
 * May a repository's repomd.xml be parsed? Everything else of it hangs on that file's digests. A
 * signature by a key the .repo file names is needed; and metadata only moves forward.
 */
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/repo.h"

/* What was fetched of one mirror; descriptors of sealed memory files, -1 where there is none. */
struct mf_trust_evidence {
	int repomd;
	int p7s; /* detached CMS signature: repomd.xml.p7s */
	int asc; /* detached OpenPGP signature: repomd.xml.asc */
};

struct mf_vouched {
	int64_t signing_time; /* seconds since 1970; 0: unsigned (trust=none) */
	char signer[192];     /* for people */
};

/*
 * Returns 0 and says who signed, -MFE_NO_KEYS, -MFE_NO_SIGNATURE, -MFE_BAD_SIGNATURE,
 * -MFE_UNTRUSTED_KEY, -MFE_WEAK_SIGNATURE, -MFE_REVOKED, -MFE_NO_SQV, -MFE_ROLLBACK, -MFE_STALE or
 * -errno, recorded.
 */
int mf_trust_repomd(struct mf_context *ctx, const struct mf_repo *repo,
		    const struct mf_trust_evidence *evidence, struct mf_vouched *ret_trust);

#endif

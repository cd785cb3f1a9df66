/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_TRUST_PRIVATE_H
#define MODFETCH_TRUST_PRIVATE_H
/*
 * Between the two halves of trust: trust.c finds the signer, trust-memory.c compares with the
 * metadata accepted before.
 */
#include "modfetch/crypto.h"
#include "modfetch/trust.h"

#define TRUST_KEYRINGS 16

/* The keys that a repository's .repo file names. */
struct trust_keys {
	struct mf_keyring *certs;
	int keyrings[TRUST_KEYRINGS];			/* descriptors of OpenPGP keyrings */
	uint8_t digests[TRUST_KEYRINGS][MF_SHA256_LEN]; /* of those files */
	size_t n_keyrings;
	uint8_t fingerprint[MF_SHA256_LEN]; /* of all of them together */
};

/*
 * Accepts evidence->repomd, with the signature of TRUST, if it is not older than the metadata
 * accepted before, has the same identity and is not from the future. Then the new state is on the
 * disk. 0, or as mf_trust_repomd(), recorded.
 */
int trust_accept_newer(struct mf_context *ctx, const struct mf_repo *repo,
		       const struct trust_keys *keys, const struct mf_trust_evidence *evidence,
		       const struct mf_trusted *trust);

/* Is the metadata too old? Unattended -MFE_STALE, recorded; else 0, and its age is logged. */
int trust_check_age(struct mf_context *ctx, const struct mf_repo *repo, int64_t signing_time);

#endif

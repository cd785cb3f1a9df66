/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SRC_ROAD_TRUST_PRIVATE_H
#define SRC_ROAD_TRUST_PRIVATE_H
/*
 * Between the two halves of trust: trust.c says who signed, trust-memory.c whether that is news.
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
	uint8_t fingerprint[MF_SHA256_LEN]; /* a word for all of them */
};

/*
 * Is what TRUST vouches for, evidence->repomd, newer than all that was accepted before, of the same
 * repository, and of no later time than now? Then it is accepted, on the disk. 0, or as
 * mf_trust_repomd(), recorded.
 */
int trust_move_forward(struct mf_context *ctx, const struct mf_repo *repo,
		       const struct trust_keys *keys, const struct mf_trust_evidence *evidence,
		       const struct mf_trusted *trust);

/* Too old? Unattended -MFE_STALE, recorded; else 0, and it is said. */
int trust_check_age(struct mf_context *ctx, const struct mf_repo *repo, int64_t signing_time);

#endif

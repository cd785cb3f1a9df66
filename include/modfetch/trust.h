/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_TRUST_H
#define MODFETCH_TRUST_H
/*
 * May a repository's repomd.xml be parsed? Everything else of it hangs on that file's digests. A
 * signature by a key the .repo file names is needed; metadata only moves forward, and stays that of
 * the same repository.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/cache.h"
#include "modfetch/context.h"
#include "modfetch/repo.h"

/* What was fetched of one mirror; descriptors of sealed memory files, -1 where there is none. */
struct mf_trust_evidence {
	int repomd;
	int p7s;	     /* detached CMS signature: repomd.xml.p7s */
	int asc;	     /* detached OpenPGP signature: repomd.xml.asc */
	unsigned int accept; /* of enum mf_trust_accept */
};

/* What the admin said may be forgotten of what was accepted before, once it is replaced. */
enum mf_trust_accept { MF_ACCEPT_OLDER = 1, MF_ACCEPT_IDENTITY = 2 };

/* Which signature vouches for a repository's metadata: CMS as soon as it names a certificate. */
enum mf_trust_kinds { MF_TRUST_CMS = 1, MF_TRUST_OPENPGP = 2 };

struct mf_trusted {
	int64_t signing_time;		/* seconds since 1970; 0: unsigned (trust=none) */
	char key[129];			/* the signer's fingerprint, hexadecimal digits */
	char signer[192];		/* for people */
	uint8_t keyring[MF_SHA256_LEN]; /* OpenPGP: digest of the file that has the key */
};

/*
 * Verifies the signature (CMS where the repository names a certificate, else OpenPGP), asks the
 * deny list, and compares revision and signing time with what was accepted before by keys that
 * still count; what is accepted is on the disk before this returns. A signing time ahead of a clock
 * that can be believed is refused, and so is a revision ahead of the signing time. The identity
 * (mf_repomd_parse()) must be the one the .repo file names, or else the one of before. Unattended,
 * metadata older than settings.max_age_days is refused; otherwise its age is said. Returns 0 and
 * says who signed, -MFE_NO_KEYS, -MFE_NO_SIGNATURE, -MFE_BAD_SIGNATURE, -MFE_UNTRUSTED_KEY,
 * -MFE_WEAK_SIGNATURE, -MFE_REVOKED, -MFE_NO_SQV, -MFE_BAD_METADATA, -MFE_ROLLBACK, -MFE_FUTURE,
 * -MFE_IDENTITY, -MFE_STALE, -MFE_CONFIG or -errno, recorded.
 */
int mf_trust_repomd(struct mf_context *ctx, const struct mf_repo *repo,
		    const struct mf_trust_evidence *evidence, struct mf_trusted *ret_trust);

/*
 * Notes that what was accepted last is in use from now on, and where it came from: the mirror's URL
 * and etag, or NULL. 0 or -errno, recorded.
 */
int mf_trust_published(struct mf_context *ctx, const struct mf_repo *repo, const char *url,
		       const char *etag);

/*
 * May the metadata in use of this repository still be used? The cache must hold what was verified,
 * its keys must be those it was verified with, neither the one that signed it nor its digest may be
 * on the deny list meanwhile and, unattended, it must not be older than settings.max_age_days. 0;
 * -MFE_NO_METADATA, -MFE_NO_KEYS, -MFE_UNTRUSTED_KEY (refresh it), -MFE_REVOKED, -MFE_STALE or
 * another code, recorded. Always 0 for trust=none.
 */
int mf_trust_in_use(struct mf_context *ctx, const struct mf_repo *repo);

/*
 * Is SIGNATURE (OpenPGP) one over a package's HEADER by a key of the repository? Both are
 * descriptors. 0, -MFE_NO_KEYS, -MFE_NO_SQV, -MFE_BAD_SIGNATURE, -MFE_UNTRUSTED_KEY, -MFE_REVOKED
 * or -errno, recorded.
 */
int mf_trust_package(struct mf_context *ctx, const struct mf_repo *repo, const char *package,
		     int header, int signature);

/*
 * One of enum mf_trust_kinds, 0 for trust=none, or -MFE_NO_KEYS, -MFE_CONFIG or -errno, recorded.
 * RET_KEYS gets a word for these keys, as the state has it; it changes when one of them does.
 */
int mf_trust_kinds(struct mf_context *ctx, const struct mf_repo *repo,
		   uint8_t ret_keys[MF_SHA256_LEN]);

/*
 * Seconds since SIGNING_TIME, as far as the clock NOW can be believed: a clock that stands before
 * the signing time, before this program was written, or decades after both, is not set, and says
 * nothing: -1. Pure.
 */
int64_t mf_trust_seconds_since(int64_t signing_time, int64_t now);

/*
 * Is SIGNING_TIME in the future, as far as the clock NOW can tell? One that stands before this
 * program was written cannot; one that is SYNCHRONIZED is right to a day, any other one may be a
 * year behind. Pure.
 */
bool mf_trust_is_ahead(int64_t signing_time, int64_t now, bool synchronized);

/*
 * The revision as it counts: 0 where it tells nothing, since it is no number, or a number that
 * cannot be a count or seconds since 1970, being ahead of its own signature by more than a day.
 * Pure.
 */
uint64_t mf_trust_revision(const char *revision, int64_t signing_time);

#endif

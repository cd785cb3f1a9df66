/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_TRUST_H
#define MODFETCH_TRUST_H
/*
 * May a repository's repomd.xml be parsed? All its other files are verified by the digests in that
 * file. It must have a signature by a key that the .repo file names; its revision and signing time
 * never go back, and its identity stays the same.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/cache.h"
#include "modfetch/context.h"
#include "modfetch/repo.h"

/* The formats of a signature of repomd.xml. One counts: CMS if the repository has a certificate. */
enum mf_signature { MF_SIGNATURE_NONE /* trust=none */, MF_SIGNATURE_CMS, MF_SIGNATURE_OPENPGP };

/* The path below the repository of a signature of this format, which is not NONE. Static. */
const char *mf_signature_path(enum mf_signature format);

/* The files fetched from one mirror; descriptors of sealed memory files, -1 for a missing file. */
struct mf_trust_evidence {
	int repomd;
	int signature; /* detached */
	enum mf_signature format;
	unsigned int accept; /* of enum mf_trust_accept */
	bool only_signature; /* checks nothing after it, and accepts nothing */
};

/* Which checks against the metadata accepted before the admin has switched off for this refresh. */
enum mf_trust_accept { MF_ACCEPT_OLDER = 1, MF_ACCEPT_IDENTITY = 2 };

struct mf_trusted {
	int64_t signing_time;		/* seconds since 1970; 0: unsigned (trust=none) */
	char key[129];			/* the signer's fingerprint, hexadecimal digits */
	char signer[192];		/* for people */
	uint8_t keyring[MF_SHA256_LEN]; /* OpenPGP: digest of the file that has the key */
};

/*
 * Verifies the signature (CMS where the repository names a certificate, else OpenPGP), searches the
 * deny list, and compares revision and signing time with those accepted before from keys that are
 * still valid; the accepted values are on the disk before this returns. A signing time later than a
 * plausible clock is refused, and so is a revision later than the signing time. The identity
 * (mf_repomd_parse()) must be the one in the .repo file, or else the previous one. Unattended,
 * metadata older than settings.max_age_days is refused; otherwise a warning reports its age.
 * Returns 0 and the signer, -MFE_NO_KEYS, -MFE_NO_SIGNATURE, -MFE_BAD_SIGNATURE,
 * -MFE_UNTRUSTED_KEY, -MFE_WEAK_SIGNATURE, -MFE_REVOKED, -MFE_NO_SQV, -MFE_BAD_METADATA,
 * -MFE_ROLLBACK, -MFE_FUTURE, -MFE_IDENTITY, -MFE_STALE, -MFE_CONFIG or -errno, recorded.
 */
int mf_trust_repomd(struct mf_context *ctx, const struct mf_repo *repo,
		    const struct mf_trust_evidence *evidence, struct mf_trusted *ret_trust);

/*
 * Records that the metadata accepted last is in use from now on, with its origin: the mirror's URL
 * and etag, or NULL. 0 or -errno, recorded.
 */
int mf_trust_published(struct mf_context *ctx, const struct mf_repo *repo, const char *url,
		       const char *etag);

/*
 * May the current metadata of this repository still be used? The cache must hold the bytes that
 * were verified, the configured keys must be those of the verification, neither the signer's key
 * nor the digest may be on the deny list now and, unattended, the metadata must not be older than
 * settings.max_age_days. 0; -MFE_NO_METADATA, -MFE_NO_KEYS, -MFE_UNTRUSTED_KEY (refresh it),
 * -MFE_REVOKED, -MFE_STALE or another code, recorded. Always 0 for trust=none.
 */
int mf_trust_in_use(struct mf_context *ctx, const struct mf_repo *repo);

/*
 * Verifies an OpenPGP SIGNATURE over a package's HEADER by a key of the repository. Both are
 * borrowed descriptors. 0, -MFE_NO_KEYS, -MFE_NO_SQV, -MFE_BAD_SIGNATURE, -MFE_UNTRUSTED_KEY,
 * -MFE_REVOKED or -errno, recorded.
 */
int mf_trust_package(struct mf_context *ctx, const struct mf_repo *repo, const char *package,
		     int header, int signature);

/*
 * One of enum mf_signature, or -MFE_NO_KEYS, -MFE_CONFIG or -errno, recorded.
 * RET_KEYS gets the combined fingerprint of these keys, as in the state file; it changes when one
 * of the keys does.
 */
int mf_trust_format(struct mf_context *ctx, const struct mf_repo *repo,
		    uint8_t ret_keys[MF_SHA256_LEN]);

/*
 * Seconds since SIGNING_TIME, or -1 if the clock NOW is plainly not set: before the signing time,
 * before this program was written, or decades after both. Pure.
 */
int64_t mf_trust_seconds_since(int64_t signing_time, int64_t now);

/*
 * Is SIGNING_TIME in the future? False if the clock NOW is before the time this program was
 * written; a SYNCHRONIZED clock is right to a day, any other may be a year slow. Pure.
 */
bool mf_trust_is_ahead(int64_t signing_time, int64_t now, bool synchronized);

/*
 * The revision as a number that can be compared. 0 if it is no number, or more than a day ahead of
 * its own signature and so neither a count nor seconds since 1970. Pure.
 */
uint64_t mf_trust_revision(const char *revision, int64_t signing_time);

#endif

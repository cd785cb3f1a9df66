/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIB_CRYPTO_PRIVATE_H
#define LIB_CRYPTO_PRIVATE_H
/*
 * OpenSSL's headers, for its adapter only: crypto.c verifies and makes signatures, crypto-form.c says why
 * one cannot be used, crypto-module.c makes the key of a machine and signs modules, crypto-certificates.c
 * reads certificates, crypto-digest.c computes digests.
 */
#include <openssl/asn1t.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include "modfetch/crypto.h"

/* Destructors of OpenSSL's types, for _cleanup_(). */
#define CLEANUP_OF(name, type, free_fn)                                                            \
	static inline void name##_cleanup(__typeof__(type) *p)                                     \
	{                                                                                          \
		free_fn(*p);                                                                       \
	}
CLEANUP_OF(bio, BIO *, BIO_free_all)
CLEANUP_OF(cms, CMS_ContentInfo *, CMS_ContentInfo_free)
CLEANUP_OF(key, EVP_PKEY *, EVP_PKEY_free)
CLEANUP_OF(md, EVP_MD_CTX *, EVP_MD_CTX_free)
CLEANUP_OF(time, ASN1_TIME *, ASN1_TIME_free)
CLEANUP_OF(x509, X509 *, X509_free)

static inline void errors_drain(const int *unused)
{
	ERR_clear_error();
}

/* Declared first in every entry: empties the error queue on every return. */
#define DRAIN_ERRORS _cleanup_(errors_drain) const int drain_errors_ __attribute__((unused)) = 0

#define MF_CMS_MAX (64 << 10) /* bytes of a signature */

struct mf_keyring {
	STACK_OF(X509) * certs;
	STACK_OF(X509_CRL) * crls;
};

/* A kind of key whose signatures are accepted. */
struct mf_key_kind {
	const char *algorithm; /* OpenSSL's name of it */
	int type; /* in the names of signature algorithms with a digest; 0: there are none */
	const char *group; /* the curve of an EC key */
	int min_bits;
	int digest; /* for signing */
	bool signs_with_own_digest;
};
/* The kind of a key, or NULL: its signatures are refused. */
const struct mf_key_kind *mf_key_kind(const EVP_PKEY *key);

static inline bool mf_key_is_ed25519(const EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "ED25519") == 1;
}

/* A callback for OpenSSL: a key with a passphrase is refused; without it OpenSSL would ask. */
int mf_no_passphrase(char *buf, int size, int rwflag, void *arg);
/* Does a list of the keyring name the certificate? */
bool mf_certificate_is_revoked(const struct mf_keyring *keyring, X509 *cert);
/* SHA-256 of the certificate, in hexadecimal digits. */
void mf_certificate_fingerprint(X509 *cert, char ret_hex[MF_SHA256_HEX]);
/* Its subject on one line, cut to SIZE bytes; "": it has none. */
void mf_certificate_subject(X509 *cert, char *ret, size_t size);

#endif

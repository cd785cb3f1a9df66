/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Certificates in keyrings: reads them from PEM and DER, and describes them for people.
 *
 * Nothing in a certificate is believed here: subject and dates are what its maker wrote, and only its
 * fingerprint says which one it is. Whether to trust it is decided by the caller, before it writes
 * the certificate anywhere. The text that is written contains the certificate and nothing else of the
 * file it was in, which may also hold a private key.
 */
#include "modfetch/crypto.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "crypto-private.h"

#define MAX_KEY_FILE (256 << 10)

int mf_no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	return -1;
}

/* The accepted kinds of key, and the digest for signing with each. */
static const struct mf_key_kind key_kinds[] = {
	{ "RSA", EVP_PKEY_RSA, NULL, 2048, NID_sha256, false },
	{ "EC", EVP_PKEY_EC, "prime256v1", 256, NID_sha256, false },
	{ "EC", EVP_PKEY_EC, "secp384r1", 384, NID_sha384, false },
	{ "ED25519", 0, NULL, 253, NID_sha512, true },
	/* OpenSSL knows them since version 3.5; before, it can read no key of theirs */
	{ "ML-DSA-44", 0, NULL, 1, NID_sha512, true },
	{ "ML-DSA-65", 0, NULL, 1, NID_sha512, true },
	{ "ML-DSA-87", 0, NULL, 1, NID_sha512, true },
};

const struct mf_key_kind *mf_key_kind(const EVP_PKEY *key)
{
	char group[64] = "";

	EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
	for (size_t i = 0; key && i < MF_ARRAY_SIZE(key_kinds); i++) {
		const struct mf_key_kind *kind = &key_kinds[i];

		if (EVP_PKEY_is_a(key, kind->algorithm) == 1 &&
		    (!kind->group || !strcmp(kind->group, group)) &&
		    EVP_PKEY_get_bits(key) >= kind->min_bits)
			return kind;
	}
	return NULL;
}

static int add_der(struct mf_keyring *keyring, const void *buf, size_t len, bool crl)
{
	const unsigned char *p = buf, *end = p + len;
	X509 *cert = crl ? NULL : d2i_X509(NULL, &p, (long)len);
	X509_CRL *list = crl ? d2i_X509_CRL(NULL, &p, (long)len) : NULL;

	if (p == end &&
	    (cert ? sk_X509_push(keyring->certs, cert) : sk_X509_CRL_push(keyring->crls, list)))
		return 0;
	X509_free(cert);
	X509_CRL_free(list);
	return -EBADMSG;
}

static int add_pem(struct mf_keyring *keyring, const void *buf, size_t len, bool crl)
{
	_cleanup_(bio_cleanup) BIO *bio = BIO_new_mem_buf(buf, (int)len);
	STACK_OF(X509_INFO) *infos =
		bio ? PEM_X509_INFO_read_bio(bio, NULL, mf_no_passphrase, NULL) : NULL;
	int found = 0;

	for (int i = 0; i < sk_X509_INFO_num(infos); i++) {
		X509_INFO *info = sk_X509_INFO_value(infos, i);

		if (crl && info->crl && sk_X509_CRL_push(keyring->crls, info->crl)) {
			info->crl = NULL;
			found++;
		} else if (!crl && info->x509 && sk_X509_push(keyring->certs, info->x509)) {
			info->x509 = NULL;
			found++;
		}
	}
	sk_X509_INFO_pop_free(infos, X509_INFO_free);
	return found ? 0 : -EBADMSG;
}

int mf_keyring_new(struct mf_keyring **ret_keyring)
{
	struct mf_keyring *keyring = calloc(1, sizeof(*keyring));

	if (keyring && (keyring->certs = sk_X509_new_null()) &&
	    (keyring->crls = sk_X509_CRL_new_null())) {
		*ret_keyring = keyring;
		return 0;
	}
	mf_keyring_free(keyring);
	return -ENOMEM;
}

int mf_keyring_add(struct mf_keyring *keyring, const void *buf, size_t len, bool crl)
{
	DRAIN_ERRORS;

	if (!len || len > MAX_KEY_FILE)
		return -EBADMSG;
	return (*(const char *)buf == 0x30 ? add_der : add_pem)(keyring, buf, len, crl);
}

size_t mf_keyring_size(const struct mf_keyring *keyring)
{
	return (size_t)sk_X509_num(keyring->certs);
}

void mf_keyring_free(struct mf_keyring *keyring)
{
	if (!keyring)
		return;
	sk_X509_pop_free(keyring->certs, X509_free);
	sk_X509_CRL_pop_free(keyring->crls, X509_CRL_free);
	free(keyring);
}

bool mf_certificate_is_revoked(const struct mf_keyring *keyring, X509 *cert)
{
	for (int i = 0; i < sk_X509_CRL_num(keyring->crls); i++) {
		X509_REVOKED *entry;

		/* 2 means "removed from the list" */
		if (X509_CRL_get0_by_cert(sk_X509_CRL_value(keyring->crls, i), &entry, cert) == 1)
			return true;
	}
	return false;
}

void mf_certificate_fingerprint(X509 *cert, char ret_hex[MF_SHA256_HEX])
{
	uint8_t digest[MF_SHA256_LEN] = { 0 };

	X509_digest(cert, EVP_sha256(), digest, NULL);
	mf_sha256_hex(digest, ret_hex);
}

/* The subject key identifier in hexadecimal digits; "": it has none. */
static void key_id_of(X509 *cert, char *ret_hex, size_t size)
{
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(cert);

	if (!id || !OPENSSL_buf2hexstr_ex(ret_hex, size, NULL, id->data, (size_t)id->length, 0))
		*ret_hex = '\0';
}

bool mf_keyring_any(const struct mf_keyring *keyring, mf_keyring_test *test, void *arg)
{
	for (int i = 0; i < sk_X509_num(keyring->certs); i++) {
		X509 *cert = sk_X509_value(keyring->certs, i);
		char hex[129], fingerprint[MF_SHA256_HEX];

		key_id_of(cert, hex, sizeof(hex));
		mf_certificate_fingerprint(cert, fingerprint);
		if (!mf_certificate_is_revoked(keyring, cert) && test(arg, hex, fingerprint))
			return true;
	}
	return false;
}

int mf_keyring_without(const struct mf_keyring *keyring, const char *fingerprint,
		       struct mf_keyring **ret_keyring)
{
	struct mf_keyring *copy = NULL;
	int r = mf_keyring_new(&copy);

	for (int i = 0; !r && i < sk_X509_num(keyring->certs); i++) {
		X509 *cert = sk_X509_value(keyring->certs, i);
		char its[MF_SHA256_HEX];

		mf_certificate_fingerprint(cert, its);
		if (!strcmp(its, fingerprint))
			continue;
		r = sk_X509_push(copy->certs, cert) ? 0 : -ENOMEM;
		if (!r)
			X509_up_ref(cert);
	}
	for (int i = 0; !r && i < sk_X509_CRL_num(keyring->crls); i++) {
		X509_CRL *list = sk_X509_CRL_value(keyring->crls, i);

		r = sk_X509_CRL_push(copy->crls, list) ? 0 : -ENOMEM;
		if (!r)
			X509_CRL_up_ref(list);
	}
	if (r < 0)
		mf_keyring_free(copy);
	else
		*ret_keyring = copy;
	return r;
}

void mf_certificate_subject(X509 *cert, char *ret, size_t size)
{
	_cleanup_(bio_cleanup) BIO *out = BIO_new(BIO_s_mem());
	int len = 0;

	if (out && X509_NAME_print_ex(out, X509_get_subject_name(cert), 0, XN_FLAG_ONELINE) > 0)
		len = BIO_read(out, ret, (int)size - 1);
	ret[len > 0 ? len : 0] = '\0';
}

/* Seconds since 1970; 0: the time is not valid. */
static int64_t seconds_of(const ASN1_TIME *time)
{
	struct tm tm;

	return time && ASN1_TIME_to_tm(time, &tm) ? timegm(&tm) : 0;
}

void mf_keyring_describe(const struct mf_keyring *keyring, size_t i,
			 struct mf_certificate *ret_certificate)
{
	DRAIN_ERRORS;
	X509 *cert = sk_X509_value(keyring->certs, (int)i);
	struct mf_certificate c = {
		.not_before = seconds_of(X509_get0_notBefore(cert)),
		.not_after = seconds_of(X509_get0_notAfter(cert)),
		.strong = mf_key_kind(X509_get0_pubkey(cert)) != NULL,
		.revoked = mf_certificate_is_revoked(keyring, cert),
	};

	mf_certificate_fingerprint(cert, c.fingerprint);
	mf_certificate_subject(cert, c.subject, sizeof(c.subject));
	mf_text_sanitize(c.subject);
	*ret_certificate = c;
}

int mf_keyring_pem(const struct mf_keyring *keyring, size_t i, char **ret_pem)
{
	DRAIN_ERRORS;
	_cleanup_(bio_cleanup) BIO *out = BIO_new(BIO_s_mem());
	char *text, *copy;
	long len;

	if (!out || !PEM_write_bio_X509(out, sk_X509_value(keyring->certs, (int)i)))
		return -ENOMEM;
	len = BIO_get_mem_data(out, &text);
	copy = len > 0 ? strndup(text, (size_t)len) : NULL;
	if (!copy)
		return -ENOMEM;
	*ret_pem = copy;
	return 0;
}

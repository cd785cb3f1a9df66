/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CMS signatures and module signatures, by OpenSSL; crypto-certificates.c has the keyrings.
 *
 * Decides whether a signature is valid. It trusts only the certificates in the caller's keyring: no
 * system store, no certificate inside a signature, no clock. Validity is checked at the signing
 * time, so the result is the same in 1970 and 2099. A certificate named by any CRL of the keyring
 * is refused, independent of the CRL's own dates and signature: who may write keys may revoke.
 *
 * OpenSSL's CMS_verify() verifies RSA and ECDSA, and since version 3.5 ML-DSA (RFC 9882). Version
 * 3.0 does not support Ed25519 in CMS (RFC 8419), so this file verifies the signature over the
 * signed attributes itself, and CMS_verify() does the rest. Input that OpenSSL accepts but modfetch
 * must not is refused before: bytes after the structure, several signers, embedded content, weak
 * digests, curves and keys.
 */
#include "modfetch/crypto.h"
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/error.h"
#include "crypto-private.h"

#define ED25519_SIGNATURE 64
#define SHA512_LEN	  64

CLEANUP_OF(attributes, STACK_OF(X509_ATTRIBUTE) *, sk_X509_ATTRIBUTE_free)
CLEANUP_OF(certs, STACK_OF(X509) *, sk_X509_free)
CLEANUP_OF(der, unsigned char *, OPENSSL_free)
CLEANUP_OF(store, X509_STORE *, X509_STORE_free)

static bool algorithms_are_strong(CMS_SignerInfo *si, const struct mf_key_kind *kind)
{
	X509_ALGOR *digest_alg, *signature_alg;
	const ASN1_OBJECT *oid;
	int digest, signature, implied_digest, implied_key;

	CMS_SignerInfo_get0_algs(si, NULL, NULL, &digest_alg, &signature_alg);
	X509_ALGOR_get0(&oid, NULL, NULL, digest_alg);
	digest = OBJ_obj2nid(oid);
	X509_ALGOR_get0(&oid, NULL, NULL, signature_alg);
	signature = OBJ_obj2nid(oid);
	if (digest != NID_sha256 && digest != NID_sha384 && digest != NID_sha512)
		return false;
	/*
	 * RFC 8419: with Ed25519 the digest of the content must be SHA-512. RFC 9882 has it as the one
	 * that suits each kind of ML-DSA.
	 */
	if (kind->signs_with_own_digest)
		return signature == OBJ_txt2nid(kind->algorithm) && digest == NID_sha512;
	/* the signature algorithm may be RSA without a digest; else its digest must be the same */
	if (signature == NID_rsaEncryption)
		return !strcmp(kind->algorithm, "RSA");
	return OBJ_find_sigid_algs(signature, &implied_digest, &implied_key) &&
	       implied_digest == digest && implied_key == kind->type;
}

/* SET OF Attribute in DER order: the bytes that a signature over signed attributes covers. */
ASN1_ITEM_TEMPLATE(signed_attributes) = ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SET_ORDER, 0,
							      signed_attributes, X509_ATTRIBUTE)
	static_ASN1_ITEM_TEMPLATE_END(signed_attributes)

	/* Returns the length of the encoding, which OPENSSL_free() frees, or a negative code. */
	static int encode_attributes(CMS_SignerInfo * si, unsigned char **ret_der)
{
	_cleanup_(attributes_cleanup) STACK_OF(X509_ATTRIBUTE) *set = sk_X509_ATTRIBUTE_new_null();
	int n = CMS_signed_get_attr_count(si);

	for (int i = 0; i < n; i++)
		if (!sk_X509_ATTRIBUTE_push(set, CMS_signed_get_attr(si, i)))
			return -ENOMEM;
	return n <= 0 ? -ENOENT
		      : ASN1_item_i2d((const ASN1_VALUE *)set, ret_der,
				      ASN1_ITEM_rptr(signed_attributes));
}

static bool ed25519_verify(CMS_SignerInfo *si, EVP_PKEY *key)
{
	_cleanup_(md_cleanup) EVP_MD_CTX *md = EVP_MD_CTX_new();
	const ASN1_OCTET_STRING *sig = CMS_SignerInfo_get0_signature(si);
	_cleanup_(der_cleanup) unsigned char *der = NULL;
	int len = encode_attributes(si, &der);

	return md && len > 0 && ASN1_STRING_length(sig) == ED25519_SIGNATURE &&
	       EVP_DigestVerifyInit(md, NULL, NULL, NULL, key) == 1 &&
	       EVP_DigestVerify(md, ASN1_STRING_get0_data(sig), ED25519_SIGNATURE, der,
				(size_t)len) == 1;
}

/* Adds the attributes and the signature, as CMS_final() does for other keys. */
static int ed25519_sign(CMS_SignerInfo *si, EVP_PKEY *key, const void *data, size_t len)
{
	_cleanup_(md_cleanup) EVP_MD_CTX *md = EVP_MD_CTX_new();
	_cleanup_(time_cleanup) ASN1_TIME *now = X509_gmtime_adj(NULL, 0);
	_cleanup_(der_cleanup) unsigned char *der = NULL;
	unsigned char digest[SHA512_LEN], sig[ED25519_SIGNATURE];
	size_t sig_len = sizeof(sig);
	X509_ALGOR *alg;
	int der_len;

	CMS_SignerInfo_get0_algs(si, NULL, NULL, NULL, &alg);
	if (!md || !now || !EVP_Digest(data, len, digest, NULL, EVP_sha512(), NULL) ||
	    !CMS_signed_add1_attr_by_NID(si, NID_pkcs9_contentType, V_ASN1_OBJECT,
					 OBJ_nid2obj(NID_pkcs7_data), -1) ||
	    !CMS_signed_add1_attr_by_NID(si, NID_pkcs9_signingTime, ASN1_STRING_type(now), now,
					 -1) ||
	    !CMS_signed_add1_attr_by_NID(si, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING, digest,
					 sizeof(digest)) ||
	    (der_len = encode_attributes(si, &der)) <= 0 ||
	    EVP_DigestSignInit(md, NULL, NULL, NULL, key) != 1 ||
	    EVP_DigestSign(md, sig, &sig_len, der, (size_t)der_len) != 1 ||
	    !ASN1_OCTET_STRING_set(CMS_SignerInfo_get0_signature(si), sig, (int)sig_len) ||
	    !X509_ALGOR_set0(alg, OBJ_nid2obj(NID_ED25519), V_ASN1_UNDEF, NULL))
		return -ENOMEM;
	return 0;
}

/* Parses all of SIG as detached signed data with one signer. 0 or -MFE_BAD_SIGNATURE. */
static int parse_signature(const void *sig, size_t len, CMS_ContentInfo **ret_cms,
			   CMS_SignerInfo **ret_si)
{
	const unsigned char *p = sig;
	_cleanup_(cms_cleanup) CMS_ContentInfo *cms = NULL;

	if (!len || len > MF_CMS_MAX)
		return -MFE_BAD_SIGNATURE;
	cms = d2i_CMS_ContentInfo(NULL, &p, (long)len);
	if (!cms || p != (const unsigned char *)sig + len ||
	    OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed || CMS_is_detached(cms) != 1 ||
	    OBJ_obj2nid(CMS_get0_eContentType(cms)) != NID_pkcs7_data)
		return -MFE_BAD_SIGNATURE;
	if (sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(cms)) != 1)
		return -MFE_BAD_SIGNATURE;
	*ret_si = sk_CMS_SignerInfo_value(CMS_get0_SignerInfos(cms), 0);
	*ret_cms = MF_STEAL(cms);
	return 0;
}

/* Reads the only signing time of the signed attributes. False: none, several or an invalid one. */
static bool read_signing_time(CMS_SignerInfo *si, int64_t *ret_time)
{
	ASN1_OBJECT *oid = OBJ_nid2obj(NID_pkcs9_signingTime);
	const ASN1_TIME *time = CMS_signed_get0_data_by_OBJ(si, oid, -3, V_ASN1_UTCTIME);
	struct tm tm;

	if (!time)
		time = CMS_signed_get0_data_by_OBJ(si, oid, -3, V_ASN1_GENERALIZEDTIME);
	if (!time || !ASN1_TIME_to_tm(time, &tm))
		return false;
	*ret_time = timegm(&tm);
	return *ret_time > 0;
}

/*
 * A store with CERT as the only trust anchor, which checks validity at TIME, or not if that is 0.
 * It accepts any purpose: the keyring may have a key for codeSigning, or without a purpose.
 */
static X509_STORE *store_new(X509 *cert, int64_t time)
{
	_cleanup_(store_cleanup) X509_STORE *store = X509_STORE_new();
	X509_VERIFY_PARAM *param = store ? X509_STORE_get0_param(store) : NULL;

	if (!param || !X509_STORE_add_cert(store, cert) ||
	    !X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_ANY))
		return NULL;
	X509_VERIFY_PARAM_set_auth_level(param, 2);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
	if (time)
		X509_VERIFY_PARAM_set_time(param, time);
	else
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME);
	return MF_STEAL(store);
}

/* Verifies a signature with the certificate whose issuer and serial it names. */
static int verify_by(X509 *cert, CMS_ContentInfo *cms, CMS_SignerInfo *si, int64_t time,
		     const void *data, size_t len)
{
	_cleanup_(store_cleanup) X509_STORE *store = store_new(cert, time);
	_cleanup_(bio_cleanup) BIO *content =
		BIO_push(BIO_new(BIO_f_null()), BIO_new_mem_buf(len ? data : "", (int)len));
	_cleanup_(certs_cleanup) STACK_OF(X509) *certs = sk_X509_new_null();
	EVP_PKEY *key = X509_get0_pubkey(cert);
	const struct mf_key_kind *kind = mf_key_kind(key);
	unsigned int flags = CMS_BINARY | CMS_DETACHED | CMS_NOINTERN;

	/* CMS_verify() copies a plain memory BIO, and leaks the copy for an unknown digest */
	if (!store || !BIO_next(content) || !certs || !sk_X509_push(certs, cert))
		return -ENOMEM;
	if (!kind || !algorithms_are_strong(si, kind))
		return -MFE_WEAK_SIGNATURE;
	if (mf_key_is_ed25519(key)) {
		if (!ed25519_verify(si, key) ||
		    OBJ_obj2nid(CMS_signed_get0_data_by_OBJ(si, OBJ_nid2obj(NID_pkcs9_contentType),
							    -3, V_ASN1_OBJECT)) != NID_pkcs7_data)
			return -MFE_BAD_SIGNATURE;
		flags |= CMS_NO_ATTR_VERIFY;
	}
	return CMS_verify(cms, certs, store, content, NULL, flags) == 1 ? 0 : -MFE_BAD_SIGNATURE;
}

static void describe_signer(X509 *cert, int64_t time, struct mf_signer *ret_signer)
{
	struct mf_signer signer = { .signing_time = time };

	mf_certificate_fingerprint(cert, signer.fingerprint);
	mf_certificate_subject(cert, signer.subject, sizeof(signer.subject));
	*ret_signer = signer;
}

int mf_signature_verify(const struct mf_keyring *keyring, const void *data, size_t len,
			const void *sig, size_t sig_len, bool timed, struct mf_signer *ret_signer)
{
	DRAIN_ERRORS;
	int r = -MFE_UNTRUSTED_KEY;

	if (len > INT_MAX)
		return -MFE_BAD_SIGNATURE;
	/* once without a certificate, so that any keyring reports a damaged signature as bad */
	for (int i = -1; i < sk_X509_num(keyring->certs); i++) {
		_cleanup_(cms_cleanup) CMS_ContentInfo *cms = NULL;
		X509 *cert = i < 0 ? NULL : sk_X509_value(keyring->certs, i);
		CMS_SignerInfo *si;
		int64_t time = 0;
		int one = parse_signature(sig, sig_len, &cms, &si);

		if (one < 0)
			return one;
		if (!read_signing_time(si, &time) && timed)
			return -MFE_BAD_SIGNATURE;
		if (!cert || CMS_SignerInfo_cert_cmp(si, cert) != 0)
			continue;
		/* two certificates of the keyring may have one issuer and serial: try each */
		r = mf_certificate_is_revoked(keyring, cert)
			    ? -MFE_REVOKED
			    : verify_by(cert, cms, si, time, data, len);
		if (r == 0 && ret_signer)
			describe_signer(cert, time, ret_signer);
		if (r == 0)
			return 0;
	}
	return r;
}

static int read_pair(const char *key_path, const char *cert_path, EVP_PKEY **ret_key,
		     X509 **ret_cert)
{
	_cleanup_(bio_cleanup) BIO *key_bio = BIO_new_file(key_path, "re");
	_cleanup_(bio_cleanup) BIO *cert_bio = key_bio ? BIO_new_file(cert_path, "re") : NULL;
	_cleanup_(key_cleanup) EVP_PKEY *key = NULL;
	_cleanup_(x509_cleanup) X509 *cert = NULL;

	if (!cert_bio)
		return errno ? -errno : -EIO;
	key = PEM_read_bio_PrivateKey(key_bio, NULL, mf_no_passphrase, NULL);
	cert = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
	if (!key || !cert || !X509_check_private_key(cert, key))
		return -EBADMSG;
	*ret_key = MF_STEAL(key);
	*ret_cert = MF_STEAL(cert);
	return 0;
}

int mf_cms_sign(const char *key_path, const char *cert_path, const void *data, size_t len,
		void **ret_sig, size_t *ret_sig_len)
{
	DRAIN_ERRORS;
	_cleanup_(cms_cleanup) CMS_ContentInfo *cms = NULL;
	_cleanup_(key_cleanup) EVP_PKEY *key = NULL;
	_cleanup_(x509_cleanup) X509 *cert = NULL;
	_cleanup_(bio_cleanup) BIO *content = NULL;
	const unsigned int flags =
		CMS_BINARY | CMS_DETACHED | CMS_PARTIAL | CMS_NOCERTS | CMS_NOSMIMECAP;
	const struct mf_key_kind *kind;
	CMS_SignerInfo *si;
	unsigned char *der = NULL;
	int r = read_pair(key_path, cert_path, &key, &cert), der_len;

	if (r < 0)
		return r;
	kind = mf_key_kind(key);
	if (!kind || len > INT_MAX)
		return kind ? -EFBIG : -MFE_WEAK_SIGNATURE;
	content = BIO_new_mem_buf(len ? data : "", (int)len);
	cms = CMS_sign(NULL, NULL, NULL, NULL, flags);
	si = cms ? CMS_add1_signer(cms, cert, key, EVP_get_digestbynid(kind->digest), flags) : NULL;
	if (!content || !si)
		return -ENOMEM;
	r = mf_key_is_ed25519(key)			? ed25519_sign(si, key, data, len)
	    : CMS_final(cms, content, NULL, flags) == 1 ? 0
							: -EBADMSG;
	der_len = r < 0 ? 0 : i2d_CMS_ContentInfo(cms, &der);
	if (der_len <= 0)
		return r < 0 ? r : -ENOMEM;
	/* free() releases it: OpenSSL allocates with malloc(), as modfetch does not replace that */
	*ret_sig = der;
	*ret_sig_len = (size_t)der_len;
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Why a refused signature cannot be used here, although other programs may accept it.
 *
 * Asked only after mf_signature_verify() has refused a signature, so it decides nothing: it looks for a
 * reason that the publisher can remove by signing in another way. The bytes may be anything. Algorithms
 * are recognized by their numbers, because the OpenSSL of this machine may be older than they are.
 */
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "crypto-private.h"

/* Of NIST: 17 to 19 are the kinds of ML-DSA, 20 to 31 those of SLH-DSA. */
#define NIST_SIGNATURES "2.16.840.1.101.3.4.3."
#define SIGN_OTHERWISE	"sign with RSA PKCS#1, ECDSA or Ed25519"

static const char *text_form(const void *sig, size_t len)
{
	static const struct {
		const char *begin, *clause;
	} texts[] = {
		{ "-----BEGIN", "it is in PEM; make it in DER, with openssl cms -outform DER" },
		{ "MIME-Version:", "it is S/MIME; make it in DER, with openssl cms -outform DER" },
		{ "Content-Type:", "it is S/MIME; make it in DER, with openssl cms -outform DER" },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(texts); i++)
		if (len >= strlen(texts[i].begin) &&
		    !memcmp(sig, texts[i].begin, strlen(texts[i].begin)))
			return texts[i].clause;
	return NULL;
}

static const char *ml_dsa_form(CMS_SignerInfo *si, X509_ALGOR *digest)
{
	const ASN1_OBJECT *oid;

	X509_ALGOR_get0(&oid, NULL, NULL, digest);
	/* the name that OpenSSL has for the algorithm since it knows it */
	if (OBJ_txt2nid("ML-DSA-65") == NID_undef)
		return "it is ML-DSA, which OpenSSL knows only since version 3.5; " SIGN_OTHERWISE;
	if (CMS_signed_get_attr_count(si) <= 0 && OPENSSL_version_major() < 4)
		return "it is ML-DSA without signed attributes, which OpenSSL 3 cannot verify; "
		       "sign with "
		       "them, or with RSA PKCS#1, ECDSA or Ed25519";
	return OBJ_obj2nid(oid) == NID_sha512
		       ? NULL
		       : "it is ML-DSA with another digest than SHA-512; sign with openssl cms "
			 "-md sha512";
}

static const char *signer_form(CMS_SignerInfo *si)
{
	X509_ALGOR *digest, *algorithm;
	const ASN1_OBJECT *oid;
	char text[64] = "";

	CMS_SignerInfo_get0_algs(si, NULL, NULL, &digest, &algorithm);
	X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
	if (OBJ_obj2nid(oid) == NID_rsassaPss)
		return "it is RSA-PSS, which is not supported; " SIGN_OTHERWISE;
	/* it writes what fits, and a zero */
	OBJ_obj2txt(text, sizeof(text), oid, 1);
	if (!mf_starts_with(text, NIST_SIGNATURES) || strlen(text) != strlen(NIST_SIGNATURES) + 2)
		return NULL;
	if (strcmp(text, NIST_SIGNATURES "17") >= 0 && strcmp(text, NIST_SIGNATURES "19") <= 0)
		return ml_dsa_form(si, digest);
	return strcmp(text, NIST_SIGNATURES "20") >= 0 && strcmp(text, NIST_SIGNATURES "31") <= 0
		       ? "it is SLH-DSA, which is not supported; " SIGN_OTHERWISE
		       : NULL;
}

const char *mf_signature_form(const void *sig, size_t len)
{
	DRAIN_ERRORS;
	const char *clause = text_form(sig, len);
	_cleanup_(cms_cleanup) CMS_ContentInfo *cms = NULL;
	const unsigned char *p = sig;
	STACK_OF(CMS_SignerInfo) * signers;

	if (clause)
		return clause;
	cms = len <= MF_CMS_MAX ? d2i_CMS_ContentInfo(NULL, &p, (long)len) : NULL;
	signers = cms ? CMS_get0_SignerInfos(cms) : NULL;
	if (signers && sk_CMS_SignerInfo_num(signers) > 1)
		return "it has several signers; sign with one key, and publish again for another";
	if (!signers || sk_CMS_SignerInfo_num(signers) != 1)
		return NULL;
	return signer_form(sk_CMS_SignerInfo_value(signers, 0));
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The key with which a machine signs the modules that are built on it, and these signatures.
 *
 * Decides what such a key is: RSA with 3072 bits, because each kernel and each shim can verify RSA,
 * and because 3072 bits are as strong as SHA-256 (NIST SP 800-57). The certificate is made for one
 * purpose, and each reader on the way to the kernel looks at another field of it:
 *	basicConstraints	CA:FALSE: it certifies no other key
 *	keyUsage		digitalSignature
 *	extendedKeyUsage	codeSigning; and 1.3.6.1.4.1.2312.16.1.2, "signs modules alone": shim then
 *				starts no boot loader and no kernel that this key has signed
 *	subjectKeyIdentifier	/proc/keys lists the key by it
 * The dates are not checked by shim or the kernel. They begin with this machine's clock, which may be
 * wrong, and last as long as the key can be of use.
 *
 * A signature is what scripts/sign-file of the kernel makes, byte for byte. The private key is
 * read from memory only, and overwritten there; nothing here opens a file.
 */
#include "modfetch/crypto.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/error.h"
#include "crypto-private.h"

#define KEY_BITS     3072U
#define SERIAL_BITS  159 /* RFC 5280: positive, at most 20 bytes */
#define VALID_DAYS   36500
#define NAME_MAX_LEN 64 /* X.520: ub-common-name */
#define PEM_MAX	     (64 << 10)

CLEANUP_OF(extension, X509_EXTENSION *, X509_EXTENSION_free)
CLEANUP_OF(number, BIGNUM *, BN_free)

void mf_key_pair_done(struct mf_key_pair *pair)
{
	if (pair->key)
		OPENSSL_cleanse(pair->key, pair->key_len);
	free(pair->key);
	free(pair->certificate);
	*pair = (struct mf_key_pair){ 0 };
}

/* ---- making one ---- */

/* In this order: an identifier of the issuer's key is a copy of the subject's. */
static const struct {
	int nid;
	const char *value; /* as in openssl.cnf */
} extensions[] = {
	{ NID_basic_constraints, "critical,CA:FALSE" },
	{ NID_key_usage, "critical,digitalSignature" },
	{ NID_ext_key_usage, "codeSigning,1.3.6.1.4.1.2312.16.1.2" },
	{ NID_subject_key_identifier, "hash" },
	{ NID_authority_key_identifier, "keyid" },
};

static bool add_extensions(X509 *cert)
{
	X509V3_CTX context;

	X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&context);
	for (size_t i = 0; i < MF_ARRAY_SIZE(extensions); i++) {
		_cleanup_(extension_cleanup) X509_EXTENSION *extension =
			X509V3_EXT_conf_nid(NULL, &context, extensions[i].nid, extensions[i].value);

		if (!extension || !X509_add_ext(cert, extension, -1))
			return false;
	}
	return true;
}

static bool set_serial(X509 *cert)
{
	_cleanup_(number_cleanup) BIGNUM *number = BN_new();

	return number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
	       BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
}

/* Fills in all of a certificate, signed by its own key. */
static bool certify(X509 *cert, EVP_PKEY *key, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(cert);

	return X509_set_version(cert, X509_VERSION_3) && set_serial(cert) &&
	       X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_ASC,
					  (const unsigned char *)name, -1, -1, 0) &&
	       X509_set_issuer_name(cert, subject) &&
	       X509_gmtime_adj(X509_getm_notBefore(cert), 0) &&
	       X509_time_adj_ex(X509_getm_notAfter(cert), VALID_DAYS, 0, NULL) &&
	       X509_set_pubkey(cert, key) && add_extensions(cert) &&
	       X509_sign(cert, key, EVP_sha256()) > 0;
}

/* The key in PEM; OpenSSL's copies of it are overwritten. */
static int pair_set_key(struct mf_key_pair *pair, EVP_PKEY *key)
{
	_cleanup_(bio_cleanup) BIO *out = BIO_new(BIO_s_secmem());
	char *text;
	long len;

	if (!out || !PEM_write_bio_PKCS8PrivateKey(out, key, NULL, NULL, 0, NULL, NULL))
		return -ENOMEM;
	len = BIO_get_mem_data(out, &text);
	pair->key = len > 0 ? malloc((size_t)len) : NULL;
	if (!pair->key)
		return -ENOMEM;
	pair->key_len = (size_t)len;
	memcpy(pair->key, text, pair->key_len);
	return 0;
}

static bool name_is_usable(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++)
		if (name[i] < ' ' || name[i] > '~')
			return false;
	return len && len <= NAME_MAX_LEN;
}

int mf_key_pair_make(const char *name, struct mf_key_pair *ret_pair)
{
	DRAIN_ERRORS;
	_cleanup_(mf_key_pair_done) struct mf_key_pair pair = { 0 };
	_cleanup_(key_cleanup) EVP_PKEY *key = NULL;
	_cleanup_(x509_cleanup) X509 *cert = X509_new();
	unsigned char *der = NULL;
	int r, len;

	if (!name_is_usable(name))
		return -EINVAL;
	key = EVP_RSA_gen(KEY_BITS);
	if (!key || !cert || !certify(cert, key, name))
		return -ENOMEM;
	r = pair_set_key(&pair, key);
	len = r < 0 ? 0 : i2d_X509(cert, &der);
	if (len <= 0)
		return r < 0 ? r : -ENOMEM;
	/* free() releases it, as for mf_cms_sign() */
	pair.certificate = der;
	pair.certificate_len = (size_t)len;
	*ret_pair = pair;
	pair = (struct mf_key_pair){ 0 };
	return 0;
}

/* ---- using one ---- */

static int parse_pair(const struct mf_key_pair *pair, EVP_PKEY **ret_key, X509 **ret_cert)
{
	const unsigned char *p = pair->certificate;
	bool bounded = pair->key_len <= PEM_MAX && pair->certificate_len <= PEM_MAX;
	_cleanup_(bio_cleanup) BIO *bio =
		bounded ? BIO_new_mem_buf(pair->key, (int)pair->key_len) : NULL;
	_cleanup_(key_cleanup) EVP_PKEY *key =
		bio ? PEM_read_bio_PrivateKey(bio, NULL, mf_no_passphrase, NULL) : NULL;
	_cleanup_(x509_cleanup) X509 *cert =
		key ? d2i_X509(NULL, &p, (long)pair->certificate_len) : NULL;

	if (!cert || p != (const unsigned char *)pair->certificate + pair->certificate_len ||
	    X509_check_private_key(cert, key) != 1)
		return -EBADMSG;
	if (!mf_key_kind(key))
		return -MFE_WEAK_SIGNATURE;
	*ret_key = MF_STEAL(key);
	*ret_cert = MF_STEAL(cert);
	return 0;
}

int mf_key_pair_check(const struct mf_key_pair *pair)
{
	DRAIN_ERRORS;
	_cleanup_(key_cleanup) EVP_PKEY *key = NULL;
	_cleanup_(x509_cleanup) X509 *cert = NULL;

	return parse_pair(pair, &key, &cert);
}

/* The algorithm of a name that the kernel's configuration may have too; NULL: not one of them. */
static const EVP_MD *signature_digest(const char *name)
{
	return !strcmp(name, "sha256")	 ? EVP_sha256()
	       : !strcmp(name, "sha384") ? EVP_sha384()
	       : !strcmp(name, "sha512") ? EVP_sha512()
					 : NULL;
}

int mf_module_signature_make(const struct mf_key_pair *pair, const char *digest, const void *elf,
			     size_t len, void **ret_sig, size_t *ret_sig_len)
{
	DRAIN_ERRORS;
	const unsigned int flags = CMS_BINARY | CMS_NOCERTS | CMS_NOSMIMECAP | CMS_NOATTR;
	const EVP_MD *md = signature_digest(digest);
	_cleanup_(cms_cleanup) CMS_ContentInfo *cms = NULL;
	_cleanup_(bio_cleanup) BIO *content = NULL;
	_cleanup_(key_cleanup) EVP_PKEY *key = NULL;
	_cleanup_(x509_cleanup) X509 *cert = NULL;
	unsigned char *der = NULL;
	int r, der_len;

	if (!md || len > INT_MAX)
		return md ? -EFBIG : -EINVAL;
	r = parse_pair(pair, &key, &cert);
	if (r < 0)
		return r;
	content = BIO_new_mem_buf(len ? elf : "", (int)len);
	cms = CMS_sign(NULL, NULL, NULL, NULL, flags | CMS_DETACHED | CMS_PARTIAL);
	if (!content || !cms || !CMS_add1_signer(cms, cert, key, md, flags) ||
	    CMS_final(cms, content, NULL, CMS_BINARY | CMS_DETACHED) != 1)
		return -ENOMEM;
	der_len = i2d_CMS_ContentInfo(cms, &der);
	if (der_len <= 0)
		return -ENOMEM;
	*ret_sig = der;
	*ret_sig_len = (size_t)der_len;
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_CRYPTO_H
#define MODFETCH_CRYPTO_H
/*
 * The functions that use OpenSSL: SHA-256, detached CMS signatures (sign and verify), and the
 * PKCS#7 signature appended to a module (the same). Stricter than OpenSSL's defaults: exactly one signer,
 * SHA-256 or better, RSA >= 2048, P-256, P-384, Ed25519 or (since OpenSSL 3.5) ML-DSA, only the given
 * keys. Records no failure; the caller knows the subject.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/strings.h"

/* The digest of all of FD from offset 0; does not move the position. 0 or -errno. */
int mf_sha256_fd(int fd, uint8_t ret_digest[MF_SHA256_LEN]);
/* The digest of LEN bytes: SHA-256, or MD5. 0, or -ENOMEM (OpenSSL may also forbid MD5). */
int mf_digest(bool md5, const void *buf, size_t len, uint8_t *ret_digest);

/* The digest of LEN bytes. 0 or -ENOMEM. */
static inline int mf_sha256(const void *buf, size_t len, uint8_t ret_digest[MF_SHA256_LEN])
{
	return mf_digest(false, buf, len, ret_digest);
}

/* MD5, as dpkg keeps it: it shows damage and protects against nothing. */
#define MF_MD5_LEN 16
static inline int mf_md5(const void *buf, size_t len, uint8_t ret_digest[MF_MD5_LEN])
{
	return mf_digest(true, buf, len, ret_digest);
}

/*
 * Decodes base64 (RFC 4648); line breaks are skipped. RET_BYTES is the caller's to free. 0; -EBADMSG: it
 * is no base64, incomplete, empty or longer than 1 MiB; -ENOMEM.
 */
int mf_base64_decode(const char *text, void **ret_bytes, size_t *ret_len);

/* The digest of a file in a package's header. Its length says which: SHA-256, SHA-384 or SHA-512; 0: none. */
#define MF_CHECKSUM_MAX 64
struct mf_checksum {
	size_t len;
	uint8_t bytes[MF_CHECKSUM_MAX];
};
/* Can a digest of LEN bytes be compared? */
bool mf_checksum_known(size_t len);
/*
 * Do LEN bytes, or all of FD, have another checksum than this one? 0: the same; 1: another, or there is
 * none to compare with; -ENOMEM or -errno.
 */
int mf_checksum_differs(const struct mf_checksum *checksum, const void *buf, size_t len);
int mf_checksum_differs_fd(const struct mf_checksum *checksum, int fd);

/* The certificates that may sign one kind of file, and their revocation lists. */
struct mf_keyring;

/* An empty keyring. 0 or -ENOMEM. mf_keyring_read() below reads a directory. */
int mf_keyring_new(struct mf_keyring **ret_keyring);
/*
 * Adds the content of one file: one certificate in DER or one or more in PEM; with CRL, revocation
 * lists in the same forms. A certificate named by a list no longer counts. 0, -EBADMSG or -ENOMEM.
 */
int mf_keyring_add(struct mf_keyring *keyring, const void *buf, size_t len, bool crl);
/* The number of certificates, revoked ones included. */
size_t mf_keyring_size(const struct mf_keyring *keyring);
/*
 * Is TEST true for any certificate that no list revokes? Its arguments are the subject key
 * identifier ("": none) and the fingerprint as in struct mf_signer, both in hexadecimal digits.
 */
typedef bool mf_keyring_test(void *arg, const char *key_id, const char *fingerprint);
bool mf_keyring_any(const struct mf_keyring *keyring, mf_keyring_test *test, void *arg);
/*
 * A keyring without the certificate of this fingerprint; it has the same lists, and stays valid
 * without KEYRING. 0 or -ENOMEM.
 */
int mf_keyring_without(const struct mf_keyring *keyring, const char *fingerprint,
		       struct mf_keyring **ret_keyring);
void mf_keyring_free(struct mf_keyring *keyring);

/* A certificate as it describes itself, for people: nothing but the fingerprint says which it is. */
struct mf_certificate {
	char fingerprint[MF_SHA256_HEX]; /* as in struct mf_signer */
	char subject[192];		 /* on one line, printable; "": none */
	int64_t not_before, not_after;	 /* seconds since 1970; 0: not a valid time */
	bool strong;			 /* mf_signature_verify() accepts this kind of key */
	bool revoked;			 /* by a list of the keyring */
};
/* Describes certificate I of the keyring, from 0, below mf_keyring_size(). */
void mf_keyring_describe(const struct mf_keyring *keyring, size_t i,
			 struct mf_certificate *ret_certificate);
/* The text of certificate I in PEM, and nothing else of its file; the caller frees it. 0 or -ENOMEM. */
int mf_keyring_pem(const struct mf_keyring *keyring, size_t i, char **ret_pem);

struct mf_signer {
	char fingerprint[MF_SHA256_HEX]; /* SHA-256 of the certificate, hex */
	char subject[192];		 /* the certificate's subject, for messages */
	int64_t signing_time;		 /* the signed attribute, seconds since 1970; 0: none */
};

/*
 * Is SIG (CMS, DER, at most 64 KiB) a detached signature over DATA by one certificate of KEYRING,
 * valid at its signing time? The clock is not used. A signature without a signing time is bad with
 * TIMED; without TIMED it is accepted and the certificate's dates are not checked. Returns 0 and
 * the signer (RET_SIGNER may be NULL), -MFE_BAD_SIGNATURE, -MFE_UNTRUSTED_KEY, -MFE_WEAK_SIGNATURE,
 * -MFE_REVOKED or -ENOMEM.
 */
int mf_signature_verify(const struct mf_keyring *keyring, const void *data, size_t len,
			const void *sig, size_t sig_len, bool timed, struct mf_signer *ret_signer);

/*
 * Why a signature that was refused cannot be used here, although other programs may accept it, in one
 * clause with the way out: it is in PEM or S/MIME, has several signers, or is RSA-PSS, SLH-DSA or a kind
 * of ML-DSA that OpenSSL does not verify. Static; NULL: its form is not the reason.
 */
const char *mf_signature_form(const void *sig, size_t sig_len);

/* Verifies a signature over metadata, which must have a signing time. Returns as above. */
static inline int mf_cms_verify(const struct mf_keyring *keyring, const void *data, size_t len,
				const void *sig, size_t sig_len, struct mf_signer *ret_signer)
{
	return mf_signature_verify(keyring, data, len, sig, sig_len, true, ret_signer);
}

/*
 * Verifies the signature appended to a module (see struct mf_modinfo) over the bytes before it.
 * Such signatures have no signing time, and the kernel does not check a certificate's dates either.
 * Returns as above.
 */
static inline int mf_module_signature_verify(const struct mf_keyring *keyring, const void *elf,
					     size_t elf_len, const void *sig, size_t sig_len,
					     struct mf_signer *ret_signer)
{
	return mf_signature_verify(keyring, elf, elf_len, sig, sig_len, false, ret_signer);
}

/*
 * Signs DATA with a private key and its certificate, both PEM files; the caller frees the DER. 0;
 * -EBADMSG: a file is no key or certificate, the key has a passphrase, or it does not belong to the
 * certificate; -MFE_WEAK_SIGNATURE: mf_signature_verify() would refuse the key; -EFBIG, -ENOMEM or
 * another -errno.
 */
int mf_cms_sign(const char *key_path, const char *cert_path, const void *data, size_t len,
		void **ret_sig, size_t *ret_sig_len);

/*
 * A private key and its certificate, in memory. The key is PEM (PKCS#8, without a passphrase), the
 * certificate DER; both are the caller's, for mf_key_pair_done(), which overwrites the key first.
 */
struct mf_key_pair {
	char *key;
	size_t key_len;
	void *certificate;
	size_t certificate_len;
};
void mf_key_pair_done(struct mf_key_pair *pair);

/*
 * Makes a key for signing modules (RSA, 3072 bits) and a certificate for it, in which NAME (printable
 * ASCII, at most 64 bytes) is the subject's common name: not a CA, for code of modules alone, valid
 * for a hundred years from now on. 0, -EINVAL: the name cannot be used, or -ENOMEM.
 */
int mf_key_pair_make(const char *name, struct mf_key_pair *ret_pair);
/*
 * Does the key belong to the certificate, and would mf_signature_verify() accept its kind? 0;
 * -EBADMSG: one of them cannot be read, or they do not belong together; -MFE_WEAK_SIGNATURE.
 */
int mf_key_pair_check(const struct mf_key_pair *pair);
/*
 * The signature that the kernel expects at the end of a module, over the LEN bytes of ELF, as the
 * kernel's scripts/sign-file makes it: CMS in DER without certificates and attributes, the signer by
 * issuer and serial. DIGEST is "sha256", "sha384" or "sha512". The caller frees RET_SIG. 0; -EINVAL:
 * another digest; -EFBIG; a code of mf_key_pair_check(); or -ENOMEM.
 */
int mf_module_signature_make(const struct mf_key_pair *pair, const char *digest, const void *elf,
			     size_t len, void **ret_sig, size_t *ret_sig_len);

/*
 * Directories of keys: /etc/modfetch/keys/repo.d has the certificates for metadata, module.d those
 * for modules. Removing a file revokes its key.
 */

/*
 * Reads every *.pem, *.crt, *.cer and *.der in a directory, or only the N files named (with or
 * without the ending) if N is not 0; and in both cases every *.crl. A negative DIRFD (there is no
 * directory) gives an empty keyring. 0; -ENOENT: a named file is missing; -EBADMSG: a certificate
 * or list cannot be parsed; or another -errno. RET_BAD (may be NULL) gets the name of the file that
 * failed, the caller's to free; unchanged if the failure has no file.
 */
int mf_keyring_read(int dirfd, char *const *names, size_t n, struct mf_keyring **ret_keyring,
		    char **ret_bad);

/*
 * A digest of the files that mf_keyring_read() would read: it changes when one of them, or any
 * *.crl of the directory, is changed, added or removed. Returns as above.
 */
int mf_keyring_fingerprint(int dirfd, char *const *names, size_t n,
			   uint8_t ret_fingerprint[MF_SHA256_LEN], char **ret_bad);

#endif

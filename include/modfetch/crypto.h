/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_CRYPTO_H
#define MODFETCH_CRYPTO_H
/*
 * The few things modfetch asks of OpenSSL: SHA-256, a detached CMS signature made and checked, and
 * the PKCS#7 signature appended to a module. Strict where OpenSSL's defaults are not: exactly one
 * signer, SHA-256 or better, RSA >= 2048, P-256, P-384 or Ed25519, only the keys given. Nothing
 * here records a failure; the caller knows the subject.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/strings.h"

/* The digest of all of FD from offset 0; the position is left alone. 0 or -errno. */
int mf_sha256_fd(int fd, uint8_t ret_digest[MF_SHA256_LEN]);
int mf_sha256(const void *buf, size_t len, uint8_t ret_digest[MF_SHA256_LEN]);

/* A set of certificates that may sign one kind of thing, and the revocation lists beside them. */
struct mf_keyring;

/* An empty one. 0 or -ENOMEM. Directories of keys are read by modfetch/crypto.h. */
int mf_keyring_new(struct mf_keyring **ret_keyring);
/*
 * Adds what one file holds: one certificate in DER or one or more in PEM, or with CRL revocation
 * lists likewise; a certificate that a list names no longer counts. 0, -EBADMSG or -ENOMEM.
 */
int mf_keyring_add(struct mf_keyring *keyring, const void *buf, size_t len, bool crl);
size_t mf_keyring_size(const struct mf_keyring *keyring);
/*
 * Does TEST hold for any certificate that no list revokes? It is given the subject key identifier
 * ("": there is none) and the fingerprint as struct mf_signer has it, both hexadecimal digits.
 */
typedef bool mf_keyring_test(void *arg, const char *key_id, const char *fingerprint);
bool mf_keyring_any(const struct mf_keyring *keyring, mf_keyring_test *test, void *arg);
void mf_keyring_free(struct mf_keyring *keyring);

struct mf_signer {
	char fingerprint[MF_SHA256_HEX]; /* SHA-256 of the certificate, hex */
	char subject[192];		 /* its subject, for people */
	int64_t signing_time;		 /* the signed attribute, seconds since 1970; 0: none */
};

/*
 * Is SIG (CMS, DER, at most 64 KiB) a detached signature over DATA by one certificate of KEYRING,
 * valid at its signing time? Time is judged by the signing time, not the clock. TIMED: a signature
 * without one is bad; else the certificate's dates are then not looked at. Returns 0 and tells the
 * signer (RET_SIGNER may be NULL), -MFE_BAD_SIGNATURE, -MFE_UNTRUSTED_KEY, -MFE_WEAK_SIGNATURE,
 * -MFE_REVOKED or -ENOMEM.
 */
int mf_signature_verify(const struct mf_keyring *keyring, const void *data, size_t len,
			const void *sig, size_t sig_len, bool timed, struct mf_signer *ret_signer);

/* Of metadata: with a signing time. */
static inline int mf_cms_verify(const struct mf_keyring *keyring, const void *data, size_t len,
				const void *sig, size_t sig_len, struct mf_signer *ret_signer)
{
	return mf_signature_verify(keyring, data, len, sig, sig_len, true, ret_signer);
}

/*
 * Of a module, appended to it (as mf_modinfo tells it), over the bytes before. Kernels' signatures
 * have no signing time, and the kernel does not look at a certificate's dates either.
 */
static inline int mf_module_signature_verify(const struct mf_keyring *keyring, const void *elf,
					     size_t elf_len, const void *sig, size_t sig_len,
					     struct mf_signer *ret_signer)
{
	return mf_signature_verify(keyring, elf, elf_len, sig, sig_len, false, ret_signer);
}

/*
 * Signs DATA with a private key and its certificate, PEM files; the DER is the caller's to free.
 * 0; -EBADMSG: a file is no key or certificate, has a passphrase, or the two are no pair;
 * -MFE_WEAK_SIGNATURE: a key that verifying would refuse; -EFBIG, -ENOMEM or another -errno.
 */
int mf_cms_sign(const char *key_path, const char *cert_path, const void *data, size_t len,
		void **ret_sig, size_t *ret_sig_len);

/*
 * Directories of keys: /etc/modfetch/keys/repo.d for what signs metadata, module.d for what signs
 * modules. Removing a file revokes its key.
 */

/*
 * Reads every *.pem, *.crt, *.cer and *.der in a directory, or only those named (with or without the
 * ending) when N is not 0; and in both cases every *.crl. A negative DIRFD (the directory is absent)
 * is an empty keyring; a name that is not there is -ENOENT; an unreadable certificate or list is
 * -EBADMSG. RET_BAD (may be NULL) gets the culprit's name, the caller's to free; untouched where
 * none is to blame.
 */
int mf_keyring_read(int dirfd, char *const *names, size_t n, struct mf_keyring **ret_keyring,
		    char **ret_bad);

/*
 * A word for exactly this choice of files: it changes when one of them, or any *.crl beside them,
 * does, comes or goes. As above.
 */
int mf_keyring_fingerprint(int dirfd, char *const *names, size_t n,
			   uint8_t ret_fingerprint[MF_SHA256_LEN], char **ret_bad);

#endif

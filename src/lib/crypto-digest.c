/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Digests and base64, by OpenSSL.
 *
 * A digest in a package's header or in metadata has no name with it: its length says which one it is.
 * Only those of the SHA-2 family are compared. MD5 is for dpkg's lists and protects against nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "crypto-private.h"

#define MAX_BASE64 (1 << 20)

CLEANUP_OF(decoder, EVP_ENCODE_CTX *, EVP_ENCODE_CTX_free)

int mf_digest(bool md5, const void *buf, size_t len, uint8_t *ret_digest)
{
	DRAIN_ERRORS;
	const EVP_MD *md = md5 ? EVP_md5() : EVP_sha256();

	return EVP_Digest(buf, len, ret_digest, NULL, md, NULL) == 1 ? 0 : -ENOMEM;
}

int mf_base64_decode(const char *text, void **ret_bytes, size_t *ret_len)
{
	DRAIN_ERRORS;
	_cleanup_(decoder_cleanup) EVP_ENCODE_CTX *decoder = EVP_ENCODE_CTX_new();
	size_t len = strlen(text);
	_cleanup_free_ unsigned char *bytes = len < MAX_BASE64 ? malloc(len + 1) : NULL;
	int n = 0, rest = 0;

	if (!len || len >= MAX_BASE64)
		return -EBADMSG;
	if (!decoder || !bytes)
		return -ENOMEM;
	EVP_DecodeInit(decoder);
	if (EVP_DecodeUpdate(decoder, bytes, &n, (const unsigned char *)text, (int)len) < 0 ||
	    EVP_DecodeFinal(decoder, bytes + n, &rest) < 0 || n + rest == 0)
		return -EBADMSG;
	*ret_len = (size_t)n + (size_t)rest;
	*ret_bytes = MF_STEAL(bytes);
	return 0;
}

static int digest_fd(const EVP_MD *algorithm, int fd, uint8_t *ret_digest)
{
	DRAIN_ERRORS;
	_cleanup_(md_cleanup) EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t buf[32 << 10];
	ssize_t got;

	if (!md || !EVP_DigestInit_ex(md, algorithm, NULL))
		return -ENOMEM;
	for (off_t at = 0; (got = pread(fd, buf, sizeof(buf), at)); at += got > 0 ? got : 0) {
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got > 0 && !EVP_DigestUpdate(md, buf, (size_t)got))
			return -ENOMEM;
	}
	return EVP_DigestFinal_ex(md, ret_digest, NULL) ? 0 : -ENOMEM;
}

int mf_sha256_fd(int fd, uint8_t ret_digest[MF_SHA256_LEN])
{
	return digest_fd(EVP_sha256(), fd, ret_digest);
}

/* The algorithm of a digest of LEN bytes; NULL: none that is known. */
static const EVP_MD *checksum_algorithm(size_t len)
{
	return len == MF_SHA256_LEN ? EVP_sha256()
	       : len == 48	    ? EVP_sha384()
	       : len == 64	    ? EVP_sha512()
				    : NULL;
}

bool mf_checksum_known(size_t len)
{
	return checksum_algorithm(len);
}

int mf_checksum_differs(const struct mf_checksum *checksum, const void *buf, size_t len)
{
	DRAIN_ERRORS;
	const EVP_MD *algorithm = checksum_algorithm(checksum->len);
	uint8_t is[MF_CHECKSUM_MAX];

	if (!algorithm)
		return 1;
	if (EVP_Digest(buf, len, is, NULL, algorithm, NULL) != 1)
		return -ENOMEM;
	return memcmp(is, checksum->bytes, checksum->len) != 0;
}

int mf_checksum_differs_fd(const struct mf_checksum *checksum, int fd)
{
	const EVP_MD *algorithm = checksum_algorithm(checksum->len);
	uint8_t is[MF_CHECKSUM_MAX];
	int r = algorithm ? digest_fd(algorithm, fd, is) : 1;

	return r ? r : memcmp(is, checksum->bytes, checksum->len) != 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads a directory of certificates and revocation lists into a keyring.
 *
 * The ending of a file name decides its type; files with other endings are ignored, so a README or
 * a backup of a private key does no harm. Trusts the directory: only root can write to it. One
 * damaged file fails the whole: to continue without a key might be safe, but to continue without a
 * revocation list is not, and an admin should learn of both.
 */
#include "modfetch/crypto.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"

#define MAX_KEY_FILE (256 << 10)

static const char *const cert_endings[] = { ".pem", ".crt", ".cer", ".der" };
#define N_CERT_ENDINGS (MF_ARRAY_SIZE(cert_endings))

static bool is_cert_name(const char *name)
{
	for (size_t i = 0; i < N_CERT_ENDINGS; i++)
		if (mf_ends_with(name, cert_endings[i]))
			return true;
	return false;
}

/* Gets one selected file. A negative return ends the walk. */
typedef int visit_file(void *arg, const char *name, const char *buf, size_t len);

static int visit_one(int dirfd, const char *name, visit_file *visit, void *arg)
{
	_cleanup_free_ char *buf = NULL;
	size_t len;
	int r;

	r = mf_file_read_at(dirfd, name, MAX_KEY_FILE, &buf, &len);
	if (r < 0)
		return r == -EFBIG ? -EBADMSG : r;
	return visit(arg, name, buf, len);
}

static int visit_named(int dirfd, const char *name, visit_file *visit, void *arg)
{
	if (dirfd < 0 || strchr(name, '/') || *name == '.')
		return -ENOENT;
	if (is_cert_name(name))
		return visit_one(dirfd, name, visit, arg);
	for (size_t i = 0; i < N_CERT_ENDINGS; i++) {
		char full[NAME_MAX + 1];
		int r;

		if ((size_t)snprintf(full, sizeof(full), "%s%s", name, cert_endings[i]) >=
		    sizeof(full))
			return -ENOENT;
		r = visit_one(dirfd, full, visit, arg);
		if (r != -ENOENT)
			return r;
	}
	return -ENOENT;
}

/* Visits all revocation lists, and with CERTS all certificates. */
static int visit_directory(int dirfd, bool certs, visit_file *visit, void *arg, char **ret_bad)
{
	_cleanup_closedir_ DIR *dir = mf_opendir(dirfd);
	struct dirent *e;

	if (!dir)
		return -errno;
	while ((errno = 0, e = readdir(dir))) {
		int r;

		if (*e->d_name == '.' ||
		    !(mf_ends_with(e->d_name, ".crl") || (certs && is_cert_name(e->d_name))))
			continue;
		r = visit_one(dirfd, e->d_name, visit, arg);
		if (r < 0) {
			if (ret_bad)
				*ret_bad = strdup(e->d_name);
			return r;
		}
	}
	return -errno;
}

static int visit_selected(int dirfd, char *const *names, size_t n, visit_file *visit, void *arg,
			  char **ret_bad)
{
	int r = dirfd < 0 ? 0 : visit_directory(dirfd, !n, visit, arg, ret_bad);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		r = visit_named(dirfd, names[i], visit, arg);
		if (r < 0) {
			if (ret_bad)
				*ret_bad = strdup(names[i]);
			return r;
		}
	}
	return 0;
}

static int keyring_add_file(void *arg, const char *name, const char *buf, size_t len)
{
	return mf_keyring_add(arg, buf, len, mf_ends_with(name, ".crl"));
}

int mf_keyring_read(int dirfd, char *const *names, size_t n, struct mf_keyring **ret_keyring,
		    char **ret_bad)
{
	struct mf_keyring *keyring;
	int r = mf_keyring_new(&keyring);

	if (r < 0)
		return r;
	r = visit_selected(dirfd, names, n, keyring_add_file, keyring, ret_bad);
	if (r < 0)
		mf_keyring_free(keyring);
	else
		*ret_keyring = keyring;
	return r;
}

/* readdir() has no fixed order, and the sum of the digests does not depend on one. */
static int keyring_digest_file(void *arg, const char *name, const char *buf, size_t len)
{
	uint8_t digest[MF_SHA256_LEN];
	int r = mf_sha256(buf, len, digest);

	if (r == 0)
		mf_sha256_sum(arg, digest);
	return r;
}

int mf_keyring_fingerprint(int dirfd, char *const *names, size_t n,
			   uint8_t ret_fingerprint[MF_SHA256_LEN], char **ret_bad)
{
	uint8_t sum[MF_SHA256_LEN] = { 0 };
	int r = visit_selected(dirfd, names, n, keyring_digest_file, sum, ret_bad);

	if (r == 0)
		memcpy(ret_fingerprint, sum, sizeof(sum));
	return r;
}

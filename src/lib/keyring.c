/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads a folder of certificates and revocation lists into a keyring.
 *
 * Decides by the ending what a file is; a file with another ending is not looked at, so a README or
 * a private key's backup does no harm. Trusts the folder: who may write there is root. A single
 * damaged file fails the whole: going on without one key might be safe, going on without one
 * revocation list is not, and an admin wants to hear of both.
 */
#include "modfetch/keyring.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"

#define MAX_KEY_FILE (256 << 10)

static const char *const cert_endings[] = { ".pem", ".crt", ".cer", ".der" };
#define N_CERT_ENDINGS (sizeof(cert_endings) / sizeof(*cert_endings))

static bool is_cert_name(const char *name)
{
	for (size_t i = 0; i < N_CERT_ENDINGS; i++)
		if (mf_ends_with(name, cert_endings[i]))
			return true;
	return false;
}

static int read_one(struct mf_keyring *keyring, int dirfd, const char *name)
{
	_cleanup_free_ char *buf = NULL;
	size_t len;
	int r;

	r = mf_file_read_at(dirfd, name, MAX_KEY_FILE, &buf, &len);
	if (r < 0)
		return r == -EFBIG ? -EBADMSG : r;
	return mf_keyring_add(keyring, buf, len, mf_ends_with(name, ".crl"));
}

static int read_named(struct mf_keyring *keyring, int dirfd, const char *name)
{
	if (strchr(name, '/') || *name == '.')
		return -ENOENT;
	if (is_cert_name(name))
		return read_one(keyring, dirfd, name);
	for (size_t i = 0; i < N_CERT_ENDINGS; i++) {
		char full[NAME_MAX + 1];
		int r;

		if ((size_t)snprintf(full, sizeof(full), "%s%s", name, cert_endings[i]) >=
		    sizeof(full))
			return -ENOENT;
		r = read_one(keyring, dirfd, full);
		if (r != -ENOENT)
			return r;
	}
	return -ENOENT;
}

/* All revocation lists, and all certificates unless names were given. */
static int read_folder(struct mf_keyring *keyring, int dirfd, bool certs, char **ret_bad)
{
	_cleanup_close_ int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir)
		return -errno;
	mf_steal_fd(&fd);
	while ((errno = 0, e = readdir(dir))) {
		int r;

		if (*e->d_name == '.' ||
		    !(mf_ends_with(e->d_name, ".crl") || (certs && is_cert_name(e->d_name))))
			continue;
		r = read_one(keyring, dirfd, e->d_name);
		if (r < 0) {
			if (ret_bad)
				*ret_bad = strdup(e->d_name);
			return r;
		}
	}
	return -errno;
}

static void keyring_cleanup(struct mf_keyring **keyring)
{
	mf_keyring_free(*keyring);
}

int mf_keyring_read(int dirfd, char *const *names, size_t n, struct mf_keyring **ret_keyring,
		    char **ret_bad)
{
	_cleanup_(keyring_cleanup) struct mf_keyring *keyring = NULL;
	int r;

	r = mf_keyring_new(&keyring);
	if (r == 0 && dirfd >= 0)
		r = read_folder(keyring, dirfd, !n, ret_bad);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		r = dirfd < 0 ? -ENOENT : read_named(keyring, dirfd, names[i]);
		if (r < 0) {
			if (ret_bad)
				*ret_bad = strdup(names[i]);
			return r;
		}
	}
	*ret_keyring = MF_STEAL(keyring);
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The two files that introduce a signed repository to a machine, in the root of the repository:
 *
 *	modfetch.pem	the certificate whose key signs the metadata; "modfetch repo add URL" fetches it
 *	modfetch.repo	a section for /etc/modfetch/repos.d, for admins who write it by hand
 *
 * Only the certificate is written, never the rest of the file that it comes from, which may have the
 * private key too. Neither file is trusted by a machine: an admin compares the fingerprint. A file
 * of the publisher with one of these names is not replaced; a certificate that an earlier run wrote
 * is, since a renewed one takes its place. The id of the repository is the name of its directory.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"
#include "model.h"

#define CERTIFICATE_MAX (256U << 10)
#define ID_MAX		64
/* The first line of our file; what stands before the first "-----BEGIN" of a PEM file is ignored. */
#define MARK "# Written by modfetch pack: the certificate of this repository.\n"

/* The text of the certificate alone, and which one it is. The caller frees PEM. 0 or -errno. */
static int read_certificate(const char *path, char **ret_pem,
			    struct mf_certificate *ret_certificate)
{
	_cleanup_free_ char *text = NULL;
	struct mf_keyring *keyring = NULL;
	size_t len;
	int r = mf_file_read_at(AT_FDCWD, path, CERTIFICATE_MAX, &text, &len);

	if (r < 0)
		return r;
	r = mf_keyring_new(&keyring);
	if (!r)
		r = mf_keyring_add(keyring, text, len, false);
	if (!r)
		r = mf_keyring_pem(keyring, 0, ret_pem);
	if (!r)
		mf_keyring_describe(keyring, 0, ret_certificate);
	mf_keyring_free(keyring);
	return r;
}

/*
 * The text of a file of the repository, the caller's to free; NULL: it is no regular file. 0,
 * -ENOENT or another -errno.
 */
static int read_published(const struct pack *pack, const char *name, char **ret_text)
{
	_cleanup_close_ int fd =
		openat(pack->repo_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	size_t len;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? mf_file_read(fd, CERTIFICATE_MAX, ret_text, &len) : -EINVAL;
}

static int write_certificate(struct pack *pack)
{
	_cleanup_free_ char *pem = NULL, *text = NULL, *before = NULL;
	struct mf_certificate certificate;
	int r = read_certificate(pack->options->cert, &pem, &certificate);

	if (r < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, r, pack->options->cert, NULL);
	r = read_published(pack, MF_PACK_CERTIFICATE, &before);
	if (!r && before && pem && strstr(before, pem))
		return 0;
	if (r != -ENOENT && (r < 0 || !before || !mf_starts_with(before, MARK))) {
		mf_log(pack->ctx, MF_LOG_WARNING,
		       "pack: %s/" MF_PACK_CERTIFICATE
		       " was not written by modfetch pack and stays: it must have the certificate "
		       "that signs the repository",
		       pack->output);
		return 0;
	}
	text = mf_format("%s%s", MARK, pem);
	r = text ? mf_file_publish(pack->repo_fd, MF_PACK_CERTIFICATE, 0644, text, strlen(text))
		 : -ENOMEM;
	if (r < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, r, MF_PACK_CERTIFICATE, NULL);
	mf_log(pack->ctx, MF_LOG_INFO,
	       "pack: %s/" MF_PACK_CERTIFICATE " was written; publish its fingerprint, SHA-256 %s",
	       pack->output, certificate.fingerprint);
	return 0;
}

/* The name of the directory as an id: bytes that no id has become '-'. */
static void make_id(const char *path, char ret_id[ID_MAX + 1])
{
	const char *slash = strrchr(path, '/');
	size_t n = 0;

	for (const char *p = slash ? slash + 1 : path; *p && n < ID_MAX; p++)
		if (n || *p != '.')
			ret_id[n++] = isalnum((unsigned char)*p) || strchr("-_.+", *p) ? *p : '-';
	ret_id[n] = '\0';
	if (!n || mf_ends_with(ret_id, ".mirrors"))
		strcpy(ret_id, "drivers");
}

static int write_section(struct pack *pack)
{
	_cleanup_free_ char *text = NULL;
	char id[ID_MAX + 1];
	int r;

	/* the publisher may have completed it */
	if (!faccessat(pack->repo_fd, MF_PACK_SECTION, F_OK, AT_SYMLINK_NOFOLLOW))
		return 0;
	make_id(pack->output, id);
	text = mf_format("# For /etc/modfetch/repos.d, with " MF_PACK_CERTIFICATE
			 " in /etc/modfetch/keys/repo.d as %s.pem.\n"
			 "# \"modfetch repo add URL\", with the URL of this directory, does both.\n"
			 "[%s]\n"
			 "name=%s\n"
			 "# baseurl=https://host/path: the URL of this directory\n"
			 "keys=%s.pem\n",
			 id, id, id, id);
	r = text ? mf_file_publish(pack->repo_fd, MF_PACK_SECTION, 0644, text, strlen(text))
		 : -ENOMEM;
	return r < 0 ? mf_fail(pack->ctx, MF_STAGE_PACK, r, MF_PACK_SECTION, NULL) : 0;
}

int pack_introduce(struct pack *pack)
{
	int r = pack->options->key ? write_certificate(pack) : 0;

	return r < 0 || !pack->options->key ? r : write_section(pack);
}

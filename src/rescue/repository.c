/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opens a repository of a medium: repodata/repomd.xml and its signature repomd.xml.p7s, as published.
 *
 * The trust is that of the running system: the certificates that the initrd was made with are those of
 * its enabled repositories, with their revocation lists and the deny list. The signature is verified before a byte of
 * repomd.xml is parsed; its digests verify all other files. An OpenPGP signature does not count here:
 * the initrd has no program that verifies it. The initrd keeps no record of accepted metadata, so an
 * older medium is as good as a newer one; the caller prints its date, and the person at the console decides.
 *
 * The medium may change, or be hostile, while it is read. Each file is read once, at most to a limit;
 * links lead nowhere outside of the repository, and only regular files are read.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/deny.h"
#include "modfetch/file.h"
#include "modfetch/inflate.h"
#include "rescue.h"

#define KEY_DIRECTORY "etc/modfetch/keys/repo.d"
#define REPOMD	      "repodata/repomd.xml"
#define REPOMD_MAX    (1U << 20)
#define SIGNATURE_MAX (64U << 10)
#define PRIMARY_MAX   ((size_t)512 << 20)

static void keyring_cleanup(struct mf_keyring **keyring)
{
	mf_keyring_free(*keyring);
}

/* Reads a regular file below a root. 0 or -errno. */
static int read_regular(const struct mf_context *tree, const char *path, size_t cap, char **ret_buf,
			size_t *ret_len)
{
	_cleanup_close_ int fd = mf_context_open(tree, path, O_RDONLY);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return mf_file_read(fd, cap, ret_buf, ret_len);
}

int rescue_file_read(struct mf_context *ctx, const struct rescue_repo *repo,
		     const struct rescue_file *file, size_t cap, char **ret_buf, size_t *ret_len)
{
	_cleanup_free_ char *what = mf_format("%s/%s", repo->label, file->location), *buf = NULL;
	uint8_t digest[MF_SHA256_LEN];
	size_t len = 0;
	int r;

	if (!what)
		return mf_fail(ctx, MF_STAGE_FETCH, -ENOMEM, repo->label, NULL);
	if (file->size > cap)
		return mf_fail(ctx, MF_STAGE_FETCH, -MFE_TOO_LARGE, what, NULL);
	r = read_regular(&repo->tree, file->location, file->size, &buf, &len);
	if (r == -EFBIG || (!r && len != file->size))
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_BAD_SIZE, what, NULL);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_FETCH, r, what, NULL);
	r = mf_sha256(buf, len, digest);
	if (r == 0 && memcmp(digest, file->sha256, sizeof(digest)) != 0)
		r = -MFE_BAD_DIGEST;
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, r, what, NULL);
	*ret_buf = MF_STEAL(buf);
	*ret_len = len;
	return 0;
}

static int read_keyring(struct mf_context *ctx, struct mf_keyring **ret_keyring)
{
	_cleanup_close_ int dirfd = mf_context_open(ctx, KEY_DIRECTORY, O_RDONLY | O_DIRECTORY);
	_cleanup_(keyring_cleanup) struct mf_keyring *keyring = NULL;
	_cleanup_free_ char *bad = NULL;
	int r;

	if (dirfd < 0 && dirfd != -ENOENT)
		return mf_fail(ctx, MF_STAGE_VERIFY, dirfd, "/" KEY_DIRECTORY, NULL);
	r = mf_keyring_read(dirfd, NULL, 0, &keyring, &bad);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, r == -EBADMSG ? -MFE_CONFIG : r,
			       bad ? bad : "/" KEY_DIRECTORY, "the key cannot be read");
	if (!mf_keyring_size(keyring))
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_NO_KEYS, "/" KEY_DIRECTORY,
			       "no repository had a certificate when this initrd was made");
	*ret_keyring = MF_STEAL(keyring);
	return 0;
}

static int check_signature(struct mf_context *ctx, struct rescue_repo *repo, const char *repomd,
			   size_t len)
{
	_cleanup_(keyring_cleanup) struct mf_keyring *keyring = NULL;
	_cleanup_free_ char *sig = NULL;
	struct mf_signer signer = { 0 };
	uint8_t digest[MF_SHA256_LEN];
	size_t sig_len = 0;
	int r = read_keyring(ctx, &keyring);

	if (r < 0)
		return r;
	r = read_regular(&repo->tree, REPOMD ".p7s", SIGNATURE_MAX, &sig, &sig_len);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, r == -ENOENT ? -MFE_NO_SIGNATURE : r,
			       repo->label,
			       r == -ENOENT ? REPOMD ".p7s is missing; use a medium that its "
						     "publisher signed (modfetch pack --sign)"
					    : NULL);
	r = mf_cms_verify(keyring, repomd, len, sig, sig_len, &signer);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, r, repo->label, REPOMD ": %s",
			       mf_error_sentence(r));
	r = mf_deny_check(ctx, repo->label, "key", signer.fingerprint);
	if (r == 0)
		r = mf_sha256(repomd, len, digest);
	if (r == 0)
		r = mf_deny_check_digest(ctx, repo->label, "repomd.xml", digest);
	repo->signing_time = signer.signing_time;
	memcpy(repo->signer, signer.subject, sizeof(repo->signer));
	return r;
}

static int fail_metadata(struct mf_context *ctx, const struct rescue_repo *repo, const char *name,
			 int r)
{
	return mf_fail(ctx, MF_STAGE_VERIFY, r == -ENOMEM ? r : -MFE_BAD_METADATA, repo->label,
		       "%s cannot be read; make the medium again from the published repository",
		       name);
}

/* Reads the list of packages that the verified repomd.xml describes. */
static int read_primary(struct mf_context *ctx, struct rescue_repo *repo, const char *repomd,
			size_t len)
{
	_cleanup_(rescue_file_done) struct rescue_file file = { 0 };
	_cleanup_free_ void *inflated = NULL;
	_cleanup_free_ char *buf = NULL;
	size_t inflated_len = 0;
	int r = rescue_repomd_parse(repomd, len, &file);

	if (r < 0)
		return fail_metadata(ctx, repo, REPOMD, r);
	r = rescue_file_read(ctx, repo, &file, PRIMARY_MAX, &buf, &len);
	if (r < 0)
		return r;
	if (mf_inflate_known(buf, len)) {
		r = mf_inflate(buf, len, PRIMARY_MAX, &inflated, &inflated_len);
		if (r == 0)
			r = rescue_primary_parse(inflated, inflated_len, ctx->kernel, repo);
	} else {
		r = rescue_primary_parse(buf, len, ctx->kernel, repo);
	}
	return r < 0 ? fail_metadata(ctx, repo, "its list of packages", r) : 0;
}

static int open_tree(struct rescue_repo *repo, int medium, const char *name)
{
	int fd = openat(medium, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	repo->tree.root = strdup("");
	repo->tree.root_fd = fd;
	repo->label = strdup(name);
	if (!repo->tree.root) {
		close(fd);
		return -ENOMEM;
	}
	mf_text_sanitize(repo->label ? repo->label : (char[1]){ 0 });
	return repo->label ? 0 : -ENOMEM;
}

int rescue_repo_open(struct mf_context *ctx, int medium, const char *name,
		     struct rescue_repo *ret_repo)
{
	_cleanup_(rescue_repo_done) struct rescue_repo repo = { 0 };
	_cleanup_free_ char *repomd = NULL;
	size_t len = 0;
	int r = open_tree(&repo, medium, name);

	if (r < 0)
		return r == -ENOMEM ? mf_fail(ctx, MF_STAGE_FETCH, r, "", NULL) : 1;
	r = read_regular(&repo.tree, REPOMD, REPOMD_MAX, &repomd, &len);
	if (r == -ENOENT || r == -ENOTDIR)
		return 1;
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_FETCH, r, repo.label, NULL);
	r = check_signature(ctx, &repo, repomd, len);
	if (r == 0)
		r = read_primary(ctx, &repo, repomd, len);
	if (r < 0)
		return r;
	*ret_repo = repo;
	repo = (struct rescue_repo){ 0 };
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The signature inside a package, for repositories with gpgcheck=1.
 *
 * librpm could check it, but with its own keyring, its own parser, and a policy on SHA-1 and
 * expired keys that depends on version and macros. So this file extracts the two parts, the header
 * and the signature over it, and gives them to sqv with the keyrings of this repository.
 *
 * The bytes between the parts (the lead, other signatures, digests in the signature header) are not
 * signed and not used: the digest of the whole file comes from signed metadata.
 */
#include "gpgcheck.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/file.h"
#include "modfetch/modinfo.h"
#include "modfetch/trust.h"
#include "modfetch/verify.h"

/* More are not read: a key that is replaced has one successor. */
#define MAX_ENCODED 16

/* A memory file that holds LEN bytes, or -errno. */
static int memfile_of(const void *buf, size_t len)
{
	_cleanup_close_ int fd = mf_memfile_new("modfetch");
	int r = fd < 0 ? fd : mf_file_write(fd, buf, len);

	if (r == 0)
		r = mf_memfile_seal(fd);
	return r < 0 ? r : mf_steal_fd(&fd);
}

/* May another signature be good although this one is not? */
static bool is_refused(int r)
{
	return r == -MFE_BAD_SIGNATURE || r == -MFE_UNTRUSTED_KEY || r == -MFE_REVOKED;
}

static int check_signature(struct mf_context *ctx, const struct mf_repo *repo, const char *package,
			   int header, const void *signature, size_t len)
{
	_cleanup_close_ int fd = memfile_of(signature, len);

	return fd < 0 ? mf_fail(ctx, MF_STAGE_VERIFY, fd, package, NULL)
		      : mf_trust_package(ctx, repo, package, header, fd);
}

static int check_encoded(struct mf_context *ctx, const struct mf_repo *repo, const char *package,
			 int header, const char *text)
{
	_cleanup_free_ void *signature = NULL;
	size_t len;
	int r = mf_base64_decode(text, &signature, &len);

	if (r < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, r == -EBADMSG ? -MFE_BAD_SIGNATURE : r,
			       package, "its signature is no base64");
	return check_signature(ctx, repo, package, header, signature, len);
}

/* Of several refusals the first is recorded. */
static int check_any(struct mf_context *ctx, const struct mf_repo *repo, const char *package,
		     int header, const struct mf_rpmfile *file)
{
	size_t n = file->n_encoded < MAX_ENCODED ? file->n_encoded : MAX_ENCODED;
	const char *text = file->encoded;
	const struct mf_saved_failure before = mf_failure_save(ctx);
	struct mf_failure first = { 0 };
	int r = -MFE_BAD_SIGNATURE;

	if (file->signature) {
		r = check_signature(ctx, repo, package, header, file->signature,
				    file->signature_len);
		if (r < 0)
			first = ctx->failure;
	}
	for (size_t i = 0; i < n && is_refused(r); i++) {
		r = check_encoded(ctx, repo, package, header, text);
		if (r < 0 && !first.code)
			first = ctx->failure;
		text += strlen(text) + 1;
	}
	if (r == 0)
		mf_failure_restore(&before);
	if (!is_refused(r) || !first.code)
		return r;
	ctx->failure = first;
	return first.code;
}

static int gpgcheck_check(struct mf_context *ctx, const struct mf_repo *repo, const char *package,
			  const void *buf, size_t len)
{
	_cleanup_close_ int header = -1;
	struct mf_rpmfile file;

	if (mf_rpmfile_parse(buf, len, &file) < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_BAD_PACKAGE, package,
			       "it is not a complete package file");
	if (!file.signature && !file.n_encoded)
		return mf_fail(
			ctx, MF_STAGE_VERIFY, -MFE_NO_SIGNATURE, package,
			*repo->id == '@'
				? "it has no OpenPGP signature; sign it (rpmsign --addsign)%.0s"
				: "it has no OpenPGP signature, but repository %s has gpgcheck=1",
			repo->id);
	header = memfile_of(file.header, file.header_len);
	if (header < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, header, package, NULL);
	return check_any(ctx, repo, package, header, &file);
}

int mf_gpgcheck(struct mf_context *ctx, const struct mf_repo *repo, const char *package, int fd)
{
	struct stat st;
	void *map;
	int r;

	if (!repo->gpgcheck)
		return 0;
	if (fstat(fd, &st) < 0 || st.st_size <= 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_BAD_PACKAGE, package, "it is empty");
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return mf_fail(ctx, MF_STAGE_VERIFY, -errno, package, NULL);
	r = gpgcheck_check(ctx, repo, package, map, (size_t)st.st_size);
	munmap(map, (size_t)st.st_size);
	return r;
}

int mf_verify_signature(struct mf_context *ctx, const struct mf_repo *repo, const char *package,
			int fd)
{
	struct mf_repo checked = *repo;

	checked.gpgcheck = true;
	return mf_gpgcheck(ctx, &checked, package, fd);
}

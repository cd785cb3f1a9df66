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
#include <sys/mman.h>
#include <sys/stat.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/modinfo.h"
#include "modfetch/trust.h"

/* A memory file that holds LEN bytes, or -errno. */
static int memfile_of(const void *buf, size_t len)
{
	_cleanup_close_ int fd = mf_memfile_new("modfetch");
	int r = fd < 0 ? fd : mf_file_write(fd, buf, len);

	if (r == 0)
		r = mf_memfile_seal(fd);
	return r < 0 ? r : mf_steal_fd(&fd);
}

static int gpgcheck_check(struct mf_context *ctx, const struct mf_repo *repo, const char *package,
			  const void *buf, size_t len)
{
	_cleanup_close_ int header = -1, signature = -1;
	struct mf_rpmfile file;

	if (mf_rpmfile_parse(buf, len, &file) < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_BAD_PACKAGE, package,
			       "it is not a complete package file");
	if (!file.signature)
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_NO_SIGNATURE, package,
			       "it has no OpenPGP signature, but repository %s has gpgcheck=1",
			       repo->id);
	header = memfile_of(file.header, file.header_len);
	signature = memfile_of(file.signature, file.signature_len);
	if (header < 0 || signature < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, header < 0 ? header : signature, package,
			       NULL);
	return mf_trust_package(ctx, repo, package, header, signature);
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

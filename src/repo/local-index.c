/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Indexes of package files that no repository lists, so that a device finds its driver among them.
 *
 * They are made from the headers of the packages, in the cache as those of a repository are, and removed
 * after the run. A file is read once more for that, and may be another one by then: it is copied into
 * memory first, and only the copy is read, if it has the digest of the file whose signature was verified.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/cache.h"
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/file.h"
#include "modfetch/local.h"
#include "modfetch/rpm.h"

struct indexing {
	struct mf_context *ctx;
	const struct mf_local *local;
	struct mf_pool *pool;
	struct mf_pool_file file;
};

static int index_on_package(void *arg, void *header)
{
	struct indexing *x = arg;

	return mf_pool_add_header_with_files(x->pool, header, 0, &x->file);
}

int mf_local_copy(const char *path, uint64_t cap)
{
	_cleanup_close_ int from =
		open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
	_cleanup_close_ int copy = from < 0 ? -1 : mf_memfile_new("modfetch");
	_cleanup_free_ char *buf = NULL;
	struct stat st = { 0 };
	size_t len = 0;
	int r = from < 0 || fstat(from, &st) < 0 ? -errno : copy < 0 ? copy : 0;

	if (!r && !S_ISREG(st.st_mode))
		r = -MFE_BAD_PACKAGE;
	if (!r)
		r = mf_file_read(from, cap, &buf, &len);
	if (!r)
		r = mf_file_write(copy, buf, len);
	if (!r)
		r = mf_memfile_seal(copy);
	return r < 0 ? r : mf_steal_fd(&copy);
}

/* A sealed copy of the file PATH that has the digest of its entry. A descriptor, or recorded. */
static int copy_checked(struct mf_context *ctx, const char *path, const struct mf_local_file *file)
{
	_cleanup_close_ int copy = mf_local_copy(path, file->size);
	uint8_t digest[MF_SHA256_LEN];
	int r = copy < 0 ? copy : mf_sha256_fd(copy, digest);

	if (r == -EFBIG || (!r && memcmp(digest, file->sha256, sizeof(digest))))
		return mf_fail(ctx, MF_STAGE_MEDIA, -MFE_BAD_DIGEST, path,
			       "it changed while it was read; copy the medium again");
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_MEDIA, r == -ENOMEM ? r : -MFE_MEDIUM, path,
			       "%s; was the medium removed? insert it again", mf_error_sentence(r));
	return mf_steal_fd(&copy);
}

static int index_fill(void *arg, struct mf_pool *pool)
{
	struct indexing *x = arg;

	x->pool = pool;
	for (size_t i = 0; i < x->local->n; i++) {
		const struct mf_local_file *file = &x->local->v[i];
		_cleanup_free_ char *path = mf_format("%s%s", x->local->directory, file->name);
		_cleanup_close_ int fd = path ? copy_checked(x->ctx, path, file) : -ENOMEM;

		if (fd < 0)
			return path ? fd : mf_fail(x->ctx, MF_STAGE_MEDIA, fd, file->name, NULL);
		x->file = (struct mf_pool_file){ file->name, file->size, { 0 } };
		memcpy(x->file.sha256, file->sha256, sizeof(x->file.sha256));
		if (mf_rpm_visit_package(fd, index_on_package, x) < 0)
			mf_log(x->ctx, MF_LOG_WARNING, "media: %s cannot be read and is left out",
			       path);
	}
	return 0;
}

int mf_local_index(struct mf_context *ctx, const struct mf_local *local)
{
	struct indexing x = { .ctx = ctx, .local = local };
	struct mf_cache_source source = {
		.repomd = -1, .primary = -1, .fill = index_fill, .arg = &x
	};
	struct mf_cache_content content;

	for (size_t i = 0; i < local->n; i++)
		mf_sha256_sum(source.digest, local->v[i].sha256);
	return mf_cache_build(ctx, MF_LOCAL_MEDIUM, &source, &content);
}

void mf_local_forget_index(const struct mf_context *ctx)
{
	_cleanup_close_ int fd = mf_context_open(ctx, MF_CACHE_DIRECTORY, O_RDONLY | O_DIRECTORY);

	if (fd >= 0)
		(void)mf_tree_remove(fd, MF_LOCAL_MEDIUM);
}

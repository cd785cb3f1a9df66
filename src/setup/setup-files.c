/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files that belong to a repository: its .repo file, its keys, its metadata.
 *
 * A file that is there is never replaced by another content unless it is the one that the caller has
 * read and changed. A .repo file that is a link is refused: the rename would replace the link, and what
 * it leads to may belong to a package or to another machine. Mode and owner of a changed file stay.
 */
#include "setup-files.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/cache-names.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"

#define REPO_FILE_MAX (64U << 10)
#define KEY_FILE_MAX  (256U << 10)

bool setup_has_file(const struct mf_context *ctx, const char *directory, const char *name,
		    const char *ending)
{
	_cleanup_close_ int dirfd = mf_context_open(ctx, directory, O_RDONLY | O_DIRECTORY);
	_cleanup_free_ char *file = mf_format("%s%s", name, ending);

	return dirfd >= 0 && file && !faccessat(dirfd, file, F_OK, AT_SYMLINK_NOFOLLOW);
}

void setup_remove_file(const struct mf_context *ctx, const char *directory, const char *name,
		       const char *ending)
{
	_cleanup_close_ int dirfd = mf_context_open(ctx, directory, O_RDONLY | O_DIRECTORY);
	_cleanup_free_ char *file = mf_format("%s%s", name, ending);

	if (dirfd >= 0 && file && unlinkat(dirfd, file, 0) < 0 && errno != ENOENT)
		mf_log(ctx, MF_LOG_WARNING, "config: /%s/%s could not be removed: %s", directory,
		       file, strerrordesc_np(errno));
}

void setup_remove_cache(const struct mf_context *ctx, const char *id)
{
	_cleanup_close_ int dirfd =
		mf_context_open(ctx, MF_CACHE_DIRECTORY, O_RDONLY | O_DIRECTORY);
	int r = dirfd < 0 ? 0 : mf_tree_remove(dirfd, id);

	if (r < 0)
		mf_log(ctx, MF_LOG_WARNING,
		       "config: /" MF_CACHE_DIRECTORY "/%s could not be removed: %s", id,
		       mf_error_sentence(r));
	setup_remove_file(ctx, MF_CACHE_DIRECTORY, id, ".mirrors");
}

int setup_write_key(struct mf_context *ctx, const char *file, const struct mf_key_offer *offer)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, MF_KEY_DIRECTORY), fd = -1;
	int r = dirfd < 0 ? dirfd : 0;

	if (!r) {
		fd = openat(dirfd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		r = fd >= 0 ? 1 : errno == ENOENT ? 0 : -errno;
	}
	if (r == 1 && !mf_file_equals(fd, offer->text, offer->len))
		r = -EEXIST;
	if (!r)
		r = mf_file_publish(dirfd, file, 0644, offer->text, offer->len);
	if (r == -EEXIST || r == -ELOOP)
		return mf_fail(ctx, MF_STAGE_CONFIG, -EEXIST, file,
			       "/" MF_KEY_DIRECTORY
			       " has another key of this name; remove it if it is not needed");
	return r < 0 ? mf_fail(ctx, MF_STAGE_CONFIG, r, "/" MF_KEY_DIRECTORY, NULL) : r;
}

bool setup_has_mark(int dirfd, const char *file)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	return !mf_ends_with(file, ".pem") ||
	       (!mf_file_read_at(dirfd, file, KEY_FILE_MAX, &text, &len) &&
		mf_starts_with(text, SETUP_KEY_MARK));
}

int setup_read_repo_file(struct mf_context *ctx, const char *file, char **ret_text)
{
	_cleanup_close_ int dirfd = mf_context_open(ctx, SETUP_REPOS, O_RDONLY | O_DIRECTORY);
	_cleanup_close_ int fd =
		dirfd < 0 ? dirfd : openat(dirfd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r = dirfd < 0 ? dirfd : fd < 0 ? -errno : mf_file_read(fd, REPO_FILE_MAX, &text, &len);

	if (r == -ELOOP)
		return mf_fail(ctx, MF_STAGE_CONFIG, -MFE_CONFIG, file,
			       "it is a link in /" SETUP_REPOS
			       "; change the file that it leads to");
	if (!r && (!text || strlen(text) != len))
		r = -EBADMSG;
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_CONFIG, r, file, NULL);
	*ret_text = MF_STEAL(text);
	return 0;
}

int setup_write_repo_file(struct mf_context *ctx, const char *file, const char *text)
{
	_cleanup_close_ int dirfd = mf_context_open(ctx, SETUP_REPOS, O_RDONLY | O_DIRECTORY);
	_cleanup_(mf_staged_done) struct mf_staged staged = MF_STAGED_INIT;
	struct stat st;
	int r = dirfd;

	if (r >= 0)
		r = fstatat(dirfd, file, &st, AT_SYMLINK_NOFOLLOW) < 0
			    ? -errno
			    : mf_staged_init(&staged, dirfd, file, 0600);
	if (r >= 0)
		r = mf_file_write(staged.fd, text, strlen(text));
	if (r >= 0 && (fchown(staged.fd, st.st_uid, st.st_gid) < 0 ||
		       fchmod(staged.fd, st.st_mode & 07777) < 0))
		r = -errno;
	if (r >= 0)
		r = mf_staged_publish(&staged);
	return r < 0 ? mf_fail(ctx, MF_STAGE_CONFIG, r, file, NULL) : 0;
}

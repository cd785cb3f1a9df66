/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lock between modfetch processes. It is an flock(2), not the existence of a file: the kernel
 * releases it when the holder is killed. It is polled, so that the wait has a limit; a wait of more
 * than 0.2 s is logged. Never breaks a lock, not even an old one.
 */
#include "modfetch/file.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include "modfetch/cleanup.h"

static int lock_file(struct mf_context *ctx, const char *path)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, "run/modfetch"), fd = -1;

	if (dirfd < 0)
		return mf_fail(ctx, MF_STAGE_LOCK, dirfd, "/run/modfetch", NULL);
	fd = openat(dirfd, strrchr(path, '/') + 1, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return mf_fail(ctx, MF_STAGE_LOCK, -errno, path, NULL);
	for (unsigned int twentieths = 0;; twentieths++) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return mf_steal_fd(&fd);
		if (errno != EWOULDBLOCK && errno != EINTR)
			return mf_fail(ctx, MF_STAGE_LOCK, -errno, path, NULL);
		if (ctx->from_modprobe && !faccessat(dirfd, "loading", F_OK, AT_SYMLINK_NOFOLLOW))
			return mf_fail(ctx, MF_STAGE_LOCK, -MFE_LOCKED, path,
				       "another modfetch is loading drivers");
		if (twentieths >= ctx->settings.lock_timeout * 20)
			break;
		if (twentieths == 4)
			mf_log(ctx, MF_LOG_INFO,
			       "another modfetch is running; waiting for it, at most %u s",
			       ctx->settings.lock_timeout);
		usleep(50000);
	}
	return mf_fail(ctx, MF_STAGE_LOCK, -MFE_LOCKED, path,
		       "another modfetch held the lock for %u s; repeat it when that has ended",
		       ctx->settings.lock_timeout);
}

int mf_lock(struct mf_context *ctx)
{
	return lock_file(ctx, "/run/modfetch/lock");
}

int mf_lock_spool(struct mf_context *ctx)
{
	return lock_file(ctx, "/run/modfetch/queue.lock");
}

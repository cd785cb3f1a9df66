/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The mark of a run that may load modules now: the file "loading" in /run/modfetch.
 *
 * A driver that is loaded may request another module, and the loading process waits for that
 * driver. The helper that modprobe starts sees the mark and the held lock, and leaves the name to a
 * later run instead of waiting for the lock. A mark without a held lock is left from a killed run.
 */
#include "modfetch/load.h"
#include <fcntl.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"

void mf_loading_mark(const struct mf_context *ctx)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, "run/modfetch");
	_cleanup_close_ int fd =
		dirfd < 0 ? -1
			  : openat(dirfd, "loading", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
				   0600);

	if (fd < 0)
		mf_log(ctx, MF_LOG_WARNING, "load: /" MF_LOADING_FILE ": %m");
}

void mf_loading_unmark(const struct mf_context *ctx)
{
	_cleanup_close_ int dirfd = mf_context_open(ctx, "run/modfetch", O_RDONLY | O_DIRECTORY);

	if (dirfd >= 0)
		(void)unlinkat(dirfd, "loading", 0);
}

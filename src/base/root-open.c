/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opens below the root of a context with openat2 and RESOLVE_IN_ROOT, so that a link in an image
 * cannot lead out of it; if a sandbox hides openat2, only the running system is supported. Never
 * decides which path is meant: that is done before (see modules-place.c).
 */
#include "root-open.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

int root_open(const struct mf_context *ctx, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned int)(flags | O_CLOEXEC),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	/* do not block on a FIFO or a terminal in the place of a file */
	if (!(flags & (O_ACCMODE | O_PATH | O_DIRECTORY)))
		how.flags |= O_NONBLOCK | O_NOCTTY;
	/* a concurrent rename in the tree makes the kernel abort a walk with EAGAIN: retry */
	for (int tries = 0; tries < 16; tries++) {
		fd = syscall(SYS_openat2, ctx->root_fd, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	/* systemd's RestrictSUIDSGID=, as set for udevd, hides openat2; "/" needs no confinement */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM) && !*ctx->root)
		fd = openat(ctx->root_fd, path, (int)how.flags);
	return fd < 0 ? -errno : (int)fd;
}

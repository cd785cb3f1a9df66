/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Detects that the module directory of a kernel was replaced during a run.
 *
 * A run is for one kernel directory. An update that replaces the directory while the run downloads
 * makes the plan one for another kernel; the inode shows it. A directory that a transaction of the
 * run creates is not a replacement: if there was none before, nothing is compared.
 */
#include "modfetch/load.h"
#include <fcntl.h>
#include <stdio.h>
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"

struct stat mf_kernel_dir(const struct mf_context *ctx)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	struct stat st = { 0 };

	path = mf_kernel_path(ctx->kernel, NULL);
	if (!path)
		return st;
	fd = mf_context_open(ctx, path, O_PATH | O_DIRECTORY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return (struct stat){ 0 };
	return st;
}

int mf_kernel_dir_same(struct mf_context *ctx, const struct stat *before)
{
	const struct stat now = mf_kernel_dir(ctx);

	if (!before->st_ino || (now.st_ino == before->st_ino && now.st_dev == before->st_dev))
		return 0;
	return mf_fail(ctx, MF_STAGE_INSTALL, -MFE_KERNEL_CHANGED, ctx->kernel,
		       "/lib/modules/%s was replaced during the run", ctx->kernel);
}

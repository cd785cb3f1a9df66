/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The depmod stage by the system's own depmod, over the whole tree: right, and slow.
 */
#include <errno.h>
#include <spawn.h>
#include <stddef.h>
#include <sys/wait.h>
#include "modfetch/cleanup.h"
#include "modfetch/depmod.h"

int mf_depmod(struct mf_context *ctx, const struct mf_depmod_options *options,
	      struct mf_depmod_result *ret_result)
{
	const char *kernel = options->kernel ? options->kernel : ctx->kernel;
	const char *argv[] = {"depmod", "-b", *ctx->root ? ctx->root : "/", kernel, NULL};
	const char *envp[] = {"PATH=/usr/sbin:/sbin:/usr/bin:/bin", NULL};
	int status, r;
	pid_t pid;

	r = posix_spawnp(&pid, "depmod", NULL, NULL, (char *const *)argv, (char *const *)envp);
	if (r)
		return mf_fail(ctx, "depmod", -MFE_TOOL, "depmod", "cannot be run");
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return mf_fail(ctx, "depmod", -errno, "depmod", NULL);
	if (status)
		return mf_fail(ctx, "depmod", -MFE_DEPMOD, kernel, "depmod failed");
	return 0;
}

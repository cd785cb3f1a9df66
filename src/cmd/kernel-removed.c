/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel-removed: for the hooks of package managers, when a kernel was removed.
 *
 * It says in the past tense what it did. Without anything to do it is silent, and the exit status says
 * so: most kernels that are removed had nothing of modfetch.
 */
#include <stdio.h>
#include "modfetch/cleanup.h"
#include "cmd.h"
#include "kernel.h"

int cmd_kernel_removed(struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(mf_context_done) struct mf_context ctx = { .root_fd = -1, .helper = -1 };
	_cleanup_(mf_strings_done) struct mf_strings done = { 0 };
	const char *kernel;
	int r = cmd_kernel_argument(cmd, "kernel-removed", argc - 1, argv + 1, &kernel);

	if (!r && cmd->dry_run)
		r = cmd_usage(cmd, "kernel-removed",
			      "there is no dry run of it; leave out --dry-run");
	if (!r)
		r = cmd_kernel_context(cmd, kernel, &ctx);
	if (r < 0)
		return r;
	r = mf_kernel_removed(&ctx, &done);
	cmd->ctx.failure = r < 0 ? ctx.failure : cmd->ctx.failure;
	cmd_print_done(cmd, "kernel-removed", &done);
	return r < 0 ? r : done.n ? CMD_DONE : CMD_NOTHING;
}

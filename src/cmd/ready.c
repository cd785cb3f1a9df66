/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ready: which drivers a kernel lacks, and why.
 *
 * It changes nothing and refuses nothing: update tools that want a gate use its exit status. A gap is a
 * result, so it goes to standard output, with its stable code at the end of the line.
 */
#include <stdio.h>
#include "modfetch/cleanup.h"
#include "cmd.h"
#include "kernel.h"

int cmd_ready(struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(mf_context_done) struct mf_context ctx = { .root_fd = -1, .helper = -1 };
	_cleanup_(mf_gaps_done) struct mf_gaps gaps = { 0 };
	const char *kernel;
	int r = cmd_kernel_argument(cmd, "ready", argc - 1, argv + 1, &kernel);

	if (!r)
		r = cmd_kernel_context(cmd, kernel, &ctx);
	if (r < 0)
		return r;
	r = mf_ready(&ctx, &gaps);
	if (r < 0) {
		cmd->ctx.failure = ctx.failure;
		return r;
	}
	if (cmd->json) {
		cmd_print_gaps(cmd, kernel, &gaps);
		return gaps.n ? CMD_FAILED : CMD_DONE;
	}
	for (size_t i = 0; i < gaps.n; i++)
		cmd_line("%s: %s, but %s [%s]", gaps.v[i].driver, gaps.v[i].wanted, gaps.v[i].lacks,
			 mf_error_name(gaps.v[i].code));
	cmd_print_ready(cmd, kernel, &gaps);
	return gaps.n ? CMD_FAILED : CMD_DONE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the verbs about a kernel that comes or goes: ready, kernel-added, kernel-removed.
 *
 * Each of them names its kernel and works in a context of its own for it.
 */
#include <stdio.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "cmd.h"
#include "kernel.h"

int cmd_kernel_context(struct cmd *cmd, const char *kernel, struct mf_context *ret_ctx)
{
	int r = mf_context_init(ret_ctx, *cmd->ctx.root ? cmd->ctx.root : NULL, kernel);

	if (!r)
		r = mf_settings_read(ret_ctx);
	ret_ctx->settings.thorough |= cmd->ctx.settings.thorough;
	ret_ctx->unattended = cmd->ctx.unattended;
	ret_ctx->log_level = cmd->ctx.log_level;
	if (r < 0)
		cmd->ctx.failure = ret_ctx->failure;
	return r;
}

int cmd_kernel_argument(struct cmd *cmd, const char *verb, int argc, char **argv,
			const char **ret_kernel)
{
	if (argc != 1)
		return cmd_usage(cmd, verb, "name one kernel, as uname -r prints it");
	if (!*argv[0] || *argv[0] == '.' || strchr(argv[0], '/') || !strcmp(argv[0], "all"))
		return cmd_usage(cmd, verb, "%.128s is no release of a kernel", argv[0]);
	*ret_kernel = argv[0];
	return 0;
}

void cmd_print_gaps(struct cmd *cmd, const char *kernel, const struct mf_gaps *gaps)
{
	struct mf_json *o = mf_json_object(), *list = mf_json_array();

	mf_json_set_string(o, "kernel", kernel);
	mf_json_set_bool(o, "installed", gaps->installed);
	mf_json_set_bool(o, "ready", !gaps->n);
	mf_json_set_int(o, "checked", (int64_t)gaps->checked);
	for (size_t i = 0; i < gaps->n; i++) {
		struct mf_json *gap = mf_json_object();

		mf_json_set_string(gap, "driver", gaps->v[i].driver);
		mf_json_set_string(gap, "wanted", gaps->v[i].wanted);
		mf_json_set_string(gap, "lacks", gaps->v[i].lacks);
		mf_json_set_string(gap, "code", mf_error_name(gaps->v[i].code));
		mf_json_add(list, gap);
	}
	mf_json_set(o, "gaps", list);
	cmd_json(cmd, o, true);
	mf_json_free(o);
}

void cmd_print_ready(const struct cmd *cmd, const char *kernel, const struct mf_gaps *gaps)
{
	if (!cmd->quiet && !gaps->n)
		cmd_line("kernel %s: nothing is missing%s", kernel,
			 gaps->installed ? "" : ", as far as the repositories can tell");
}

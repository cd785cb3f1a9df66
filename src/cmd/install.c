/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * install and remove: packages and patterns by name, through the same pipeline. A kernel that is
 * installed so gets its drivers in a second transaction, as by kernel-added. Nothing is loaded:
 * drivers that are installed in advance need not run yet, and the module of a removed package stays
 * in the running kernel until the next boot.
 */
#include <stdio.h>
#include "modfetch/cleanup.h"
#include "cmd.h"

static int install_add_names(struct cmd *cmd, int argc, char **argv, struct mf_strings *ret_names)
{
	int r = 0;

	if (argc > 1 && argv[1][0] == '-')
		return cmd_usage(cmd, argv[0], "there is no option %s", argv[1]);
	for (int i = 1; !r && i < argc; i++)
		r = mf_strings_add_unique(ret_names, argv[i]);
	if (r < 0)
		return mf_fail(&cmd->ctx, MF_STAGE_COMMAND, r, argv[0], NULL);
	return argc > 1 ? 0 : cmd_usage(cmd, argv[0], "name a package or a pattern");
}

int cmd_install(struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 }, kernels = { 0 };
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "install",
						     .selection.install = &names,
						     .no_load = true };
	int r = install_add_names(cmd, argc, argv, &names), listed;

	listed = r < 0 ? r : mf_kernels_list(&cmd->ctx, &kernels);
	if (!r)
		r = cmd_run(cmd, &run);
	/* a kernel among them gets the drivers that this machine needs */
	if (r == CMD_DONE && !listed && run.stamp[MF_INSTALLED])
		r = cmd_kernels_added_since(cmd, &kernels);
	for (size_t i = 0; r >= 0 && !run.dry_run && !cmd->ctx.unattended && i < names.n; i++) {
		int cleared = cmd_clear_crashed(cmd, names.v[i]);

		if (cleared)
			r = cleared < 0 ? cleared : CMD_DONE;
	}
	return r;
}

int cmd_remove(struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "remove",
						     .selection.remove = &names,
						     .no_load = true };
	int r = install_add_names(cmd, argc, argv, &names);

	return r < 0 ? r : cmd_run(cmd, &run);
}

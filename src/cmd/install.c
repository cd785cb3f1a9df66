/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * install and remove: packages and patterns by name, through the same pipeline. A kernel that is
 * installed so gets its drivers in a second transaction, as by kernel-added. Nothing is loaded:
 * drivers that are installed in advance need not run yet, and the module of a removed package stays
 * in the running kernel until the next boot.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cache.h"
#include "modfetch/cleanup.h"
#include "modfetch/release.h"
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

/* Is NAME the package of the kernel RELEASE, "kernel-amd64-image-6.1.0_57"? */
static bool is_image_of(const char *name, const char *release)
{
	struct mf_release parts;
	_cleanup_free_ char *image = NULL;

	if (mf_release_parse(release, NULL, &parts) < 0)
		return false;
	image = mf_format("kernel-%s-image-%s", parts.flavor, parts.abi);
	return image && !strcmp(image, name);
}

/*
 * A kernel that is named is installed for itself: what a repository has for it stands in no list of
 * another kernel. 0 or a recorded failure.
 */
static int select_kernel(struct cmd *cmd, const struct mf_strings *names)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	int r = mf_starts_with(names->v[0], "kernel-") ? mf_repos_read(&cmd->ctx, &repos) : 0;

	for (size_t i = 0; !r && i < repos.n; i++) {
		_cleanup_(mf_served_done) struct mf_served served = { 0 };

		if (repos.v[i].enabled)
			served = cmd_served(cmd, repos.v[i].id);
		for (size_t k = 0; k < served.kernels.n; k++) {
			char *kernel;

			if (!is_image_of(names->v[0], served.kernels.v[k]) ||
			    !strcmp(served.kernels.v[k], cmd->ctx.kernel))
				continue;
			kernel = strdup(served.kernels.v[k]);
			if (!kernel)
				return mf_fail(&cmd->ctx, MF_STAGE_COMMAND, -ENOMEM, names->v[0],
					       NULL);
			free(cmd->ctx.kernel);
			cmd->ctx.kernel = kernel;
			cmd->ctx.kernel_running = false;
		}
	}
	return r;
}

int cmd_install(struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 }, kernels = { 0 };
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "install",
						     .selection.install = &names,
						     .no_load = true };
	int r = install_add_names(cmd, argc, argv, &names), listed;

	if (!r)
		r = select_kernel(cmd, &names);
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

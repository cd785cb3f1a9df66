/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * initrd: makes the initrd of a kernel again if it has other drivers than the disk, or lacks one that
 * the early boot needs.
 *
 *	--pending	of each kernel for which an unattended run left that to modfetch-initrd.path
 *	--rescue DIR	for the hooks of generators: puts into DIR, a new initrd, the keys for its rescue program, if
 *			rescue=yes in modfetch.conf says that it shall have one
 */
#include <getopt.h>
#include <stdlib.h>
#include "modfetch/cleanup.h"
#include "modfetch/initrd.h"
#include "modfetch/json.h"
#include "modfetch/setup.h"
#include "cmd.h"

static void initrd_print(struct cmd *cmd, bool made, const char *why)
{
	struct mf_json *o;

	if (!cmd->json) {
		if (why)
			cmd_line("%s the initrd of %s again: %s",
				 made && !cmd->dry_run ? "made"
				 : made		       ? "would make"
						       : "did not make",
				 cmd->ctx.kernel, why);
		else if (!cmd->quiet)
			cmd_line("the initrd of %s has the drivers that are on disk",
				 cmd->ctx.kernel);
		return;
	}
	o = mf_json_object();
	mf_json_set_string(o, "kernel", cmd->ctx.kernel);
	mf_json_set_bool(o, "changed", made && !cmd->dry_run);
	mf_json_set_string(o, "reason", why);
	cmd_json(cmd, o, true);
	mf_json_free(o);
}

int cmd_initrd(struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "pending", no_argument, NULL, 'p' },
		{ "rescue", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	_cleanup_free_ char *why = NULL;
	const char *rescue = NULL;
	bool pending = false;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'p')
			pending = true;
		else if (c == 'r')
			rescue = optarg;
		else
			return cmd_usage(cmd, "initrd",
					 "the options are --pending and --rescue DIR");
	}
	if (optind < argc)
		return cmd_usage(cmd, "initrd", "unexpected argument %s", argv[optind]);
	if (pending && cmd->one_of_all)
		return cmd_usage(cmd, "initrd", "--pending is about all kernels");
	if (rescue && (pending || cmd->one_of_all))
		return cmd_usage(cmd, "initrd", "--rescue is about one new initrd");
	if (rescue) {
		if (!cmd->ctx.settings.rescue || cmd->dry_run)
			return CMD_NOTHING;
		r = mf_rescue_files(&cmd->ctx, rescue);
		return r < 0 ? r : CMD_DONE;
	}
	if (pending) {
		r = mf_initrd_settle(&cmd->ctx);
		return r < 0 ? r : CMD_DONE;
	}
	r = mf_initrd_renew(&cmd->ctx, cmd->dry_run, &why);
	if (r < 0)
		return r;
	initrd_print(cmd, !r, why);
	return r ? CMD_NOTHING : CMD_DONE;
}

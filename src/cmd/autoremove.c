/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * autoremove: packages and indexes of kernels that are gone, and packages that nothing needs any more.
 *
 * It prints what it would remove, and asks before it does so: what a machine needs is found out from
 * what is connected and what was asked for, and an admin may know more. Without a terminal it removes
 * only with --yes.
 */
#include <stdio.h>
#include "modfetch/cleanup.h"
#include "modfetch/upkeep.h"
#include "cmd.h"

static void print_unneeded(const struct mf_unneeded *u)
{
	for (size_t i = 0; i < u->kernels.n; i++)
		cmd_line("the rest of kernel %s, which is not installed", u->kernels.v[i]);
	for (size_t i = 0; i < u->labels.n; i++)
		cmd_line("%s, which nothing needs any more", u->labels.v[i]);
}

static void print_unneeded_json(struct cmd *cmd, const struct mf_unneeded *u,
				struct mf_strings *done, int r)
{
	struct mf_json *o = mf_json_object();

	mf_json_set_strings(o, "kernels", &u->kernels);
	mf_json_set_strings(o, "packages", &u->labels);
	mf_json_set_strings(o, "done", done);
	mf_json_set_bool(o, "changed", done->n > 0);
	if (r < 0)
		cmd_json_error(cmd, o);
	cmd_json(cmd, o, true);
	mf_json_free(o);
}

/* 0: remove them; -MFE_NOT_CONFIRMED, recorded. */
static int confirm(struct cmd *cmd, size_t n)
{
	if (cmd->yes || cmd->assume_no || cmd_can_ask(cmd))
		return cmd_ask(cmd, "autoremove", "Remove these %zu?", n);
	return mf_fail(&cmd->ctx, MF_STAGE_COMMAND, -MFE_NOT_CONFIRMED, "autoremove",
		       "there is no terminal to ask on; --yes removes them without a question");
}

int cmd_autoremove(struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(mf_unneeded_done) struct mf_unneeded unneeded = { 0 };
	_cleanup_(mf_strings_done) struct mf_strings done = { 0 };
	size_t n;
	int r;

	if (argc > 1)
		return cmd_usage(cmd, "autoremove", "unexpected argument %s", argv[1]);
	r = mf_unneeded_find(&cmd->ctx, &unneeded);
	if (r < 0)
		return r;
	n = unneeded.kernels.n + unneeded.labels.n;
	if (!cmd->json && !cmd->quiet)
		print_unneeded(&unneeded);
	if (n && !cmd->dry_run)
		r = confirm(cmd, n);
	if (!r && n && !cmd->dry_run)
		r = mf_unneeded_remove(&cmd->ctx, &unneeded, &done);
	if (cmd->json)
		print_unneeded_json(cmd, &unneeded, &done, r);
	else
		cmd_print_done(cmd, "autoremove", &done);
	return r < 0 ? r : done.n ? CMD_DONE : CMD_NOTHING;
}

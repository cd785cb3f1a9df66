/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * autoremove: packages and indexes of kernels that are gone, and packages that nothing needs any more.
 *
 * It prints what it would remove, and asks before it does so: what a machine needs is found out from
 * what is connected and what was asked for, and an admin may know more. Without a terminal it removes
 * only with --yes.
 */
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>
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

static void print_unneeded_json(const struct mf_unneeded *u, struct mf_strings *done)
{
	struct mf_json *o = mf_json_object();

	mf_json_set_strings(o, "kernels", &u->kernels);
	mf_json_set_strings(o, "packages", &u->labels);
	mf_json_set_strings(o, "done", done);
	cmd_json(o, true);
	mf_json_free(o);
}

/* Asks on the terminal. */
static bool confirm(size_t n)
{
	char answer[16];

	fprintf(stderr, "Remove these %zu? [y/N] ", n);
	return fgets(answer, sizeof(answer), stdin) && (*answer == 'y' || *answer == 'Y');
}

int cmd_autoremove(struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = { { "yes", no_argument, NULL, 'y' }, { 0 } };
	_cleanup_(mf_unneeded_done) struct mf_unneeded unneeded = { 0 };
	_cleanup_(mf_strings_done) struct mf_strings done = { 0 };
	bool yes = false;
	size_t n;
	int c, r;

	while ((c = getopt_long(argc, argv, "y", options, NULL)) != -1) {
		if (c != 'y')
			return cmd_usage(cmd, "autoremove", "the only option is --yes");
		yes = true;
	}
	if (optind < argc)
		return cmd_usage(cmd, "autoremove", "unexpected argument %s", argv[optind]);
	r = mf_unneeded_find(&cmd->ctx, &unneeded);
	if (r < 0)
		return r;
	n = unneeded.kernels.n + unneeded.labels.n;
	if (!cmd->json && !cmd->quiet)
		print_unneeded(&unneeded);
	if (n && !cmd->dry_run && !yes) {
		if (cmd->json || !isatty(STDIN_FILENO))
			mf_log(&cmd->ctx, MF_LOG_WARNING,
			       "nothing is removed without --yes, as there is no terminal to ask "
			       "on");
		else
			yes = confirm(n);
	}
	r = n && yes && !cmd->dry_run ? mf_unneeded_remove(&cmd->ctx, &unneeded, &done) : 0;
	if (cmd->json)
		print_unneeded_json(&unneeded, &done);
	else
		cmd_print_done(cmd, "autoremove", &done);
	return r < 0 ? r : done.n ? CMD_DONE : CMD_NOTHING;
}

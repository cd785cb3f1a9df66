/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * probe and lookup: the road for what somebody names, done or only told.
 */
#include <getopt.h>
#include <stdio.h>
#include "src/cmd/cmd.h"
#include "modfetch/cleanup.h"

static int add_want(struct cmd *cmd, struct mf_run *run, struct mf_want *want)
{
	int r = mf_wants_add(&run->wants, want);

	if (r < 0)
		mf_want_done(want);
	return r < 0 ? mf_fail(&cmd->ctx, "command", r, "query", NULL) : 0;
}

static int take_queries(struct cmd *cmd, struct mf_run *run, int argc, char **argv)
{
	static const struct option options[] = {
		{"device", required_argument, NULL, 'd'},
		{0},
	};
	struct mf_want want = {0};
	int c, r = 0;

	while (!r && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'd')
			return cmd_usage(cmd, argv[0], "it takes queries and --device SYSPATH");
		r = mf_want_init_device(&cmd->ctx, optarg, &want);
		if (!r)
			r = add_want(cmd, run, &want);
	}
	for (int i = optind; !r && i < argc; i++) {
		r = mf_want_init(&cmd->ctx, argv[i], NULL, &want);
		if (!r)
			r = add_want(cmd, run, &want);
	}
	if (!r && !run->wants.n)
		return cmd_usage(cmd, argv[0], "what for? It needs a query or --device SYSPATH");
	return r;
}

static int go(struct cmd *cmd, int argc, char **argv, const char *verb, bool dry_run)
{
	_cleanup_(mf_run_done) struct mf_run run = {.verb = verb, .dry_run = dry_run};
	int r = take_queries(cmd, &run, argc, argv);

	return r < 0 ? r : cmd_run(cmd, &run);
}

int cmd_probe(struct cmd *cmd, int argc, char **argv)
{
	return go(cmd, argc, argv, "probe", false);
}

int cmd_lookup(struct cmd *cmd, int argc, char **argv)
{
	int r = go(cmd, argc, argv, "lookup", true);

	/* that there is nothing to install is an answer, not a lack of one */
	return r == CMD_NOTHING ? CMD_DONE : r;
}

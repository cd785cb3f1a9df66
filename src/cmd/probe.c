/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * probe and lookup: the road for what somebody names, done or only told. The two differ in one flag
 * that the pipeline heeds before its first change, so that lookup cannot promise what probe would
 * not do.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "src/cmd/cmd.h"
#include "modfetch/cleanup.h"

static int add_want(struct cmd *cmd, struct mf_run *run, struct mf_want *want)
{
	int r = mf_wants_add(&run->wants, want);

	if (r < 0)
		mf_want_done(want);
	return r < 0 ? mf_fail(&cmd->ctx, "command", r, "query", NULL) : 0;
}

static int take_query(struct cmd *cmd, struct mf_run *run, const char *query)
{
	struct mf_want want;
	int r = mf_want_init(&cmd->ctx, query, NULL, &want);

	return r < 0 ? r : add_want(cmd, run, &want);
}

/* A query a line; empty lines and those that begin with '#' are passed over. */
static int take_file(struct cmd *cmd, struct mf_run *run, const char *path)
{
	bool is_stdin = !strcmp(path, "-");
	_cleanup_fclose_ FILE *f = is_stdin ? fdopen(dup(STDIN_FILENO), "r") : fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	int r = 0;

	if (!f)
		return mf_fail(&cmd->ctx, "command", -errno, path, NULL);
	while (!r && getline(&line, &room, f) >= 0) {
		line[strcspn(line, "\r\n")] = '\0';
		if (*line && *line != '#')
			r = take_query(cmd, run, line);
	}
	return r < 0 || !ferror(f) ? r : mf_fail(&cmd->ctx, "command", -EIO, path, NULL);
}

static int take_device(struct cmd *cmd, struct mf_run *run, const char *syspath)
{
	struct mf_want want;
	int r = mf_want_init_device(&cmd->ctx, syspath, &want);

	return r < 0 ? r : add_want(cmd, run, &want);
}

static int take_queries(struct cmd *cmd, struct mf_run *run, int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "file", required_argument, NULL, 'f' },
		{ 0 },
	};
	int c, r = 0;

	while (!r && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'd')
			r = take_device(cmd, run, optarg);
		else if (c == 'f')
			r = take_file(cmd, run, optarg);
		else
			return cmd_usage(cmd, argv[0],
					 "it takes queries, --device SYSPATH and --file FILE");
	}
	for (int i = optind; !r && i < argc; i++)
		r = take_query(cmd, run, argv[i]);
	if (!r && !run->wants.n)
		return cmd_usage(cmd, argv[0],
				 "what for? It needs a query, --device SYSPATH or --file FILE");
	return r;
}

static int go(struct cmd *cmd, int argc, char **argv, const char *verb, bool dry_run)
{
	_cleanup_(mf_run_done) struct mf_run run = { .verb = verb, .dry_run = dry_run };
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

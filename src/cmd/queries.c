/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What probe and lookup are asked for: queries as words, a file of them, or a device.
 *
 * A file may be long and made by a program, so its empty lines and comments are passed over. A
 * query that is out of bounds gets its own answer and is looked up nowhere; the others go on. Where
 * it is the only one, nothing is left to do, and the command fails.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "cmd.h"

static int queries_add_want(struct cmd *cmd, struct mf_run *run, struct mf_want *want)
{
	int r = mf_wants_add(&run->wants, want);

	if (r < 0)
		mf_want_done(want);
	return r < 0 ? mf_fail(&cmd->ctx, "command", r, "query", NULL) : 0;
}

static int take_query(struct cmd *cmd, struct mf_run *run, const char *query)
{
	struct mf_want want;
	int r = mf_want_init_any(&cmd->ctx, query, NULL, &want);

	return r < 0 ? r : queries_add_want(cmd, run, &want);
}

/* A query a line; empty lines and those that begin with '#' are passed over. */
static int queries_take_file(struct cmd *cmd, struct mf_run *run, const char *path)
{
	bool is_stdin = !strcmp(path, "-");
	_cleanup_fclose_ FILE *f = is_stdin ? fdopen(dup(STDIN_FILENO), "r") : fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	ssize_t len;
	int r = 0;

	if (!f)
		return mf_fail(&cmd->ctx, "command", -errno, path, NULL);
	while (!r && (len = getline(&line, &room, f)) >= 0) {
		/* a NUL is no end of the line, but a byte that no modalias has */
		for (ssize_t i = 0; i < len; i++)
			if (!line[i])
				line[i] = '\1';
		line[strcspn(line, "\r\n")] = '\0';
		if (*line && *line != '#')
			r = take_query(cmd, run, line);
	}
	return r < 0 || !ferror(f) ? r : mf_fail(&cmd->ctx, "command", -EIO, path, NULL);
}

static int queries_take_device(struct cmd *cmd, struct mf_run *run, const char *syspath)
{
	struct mf_want want;
	int r = mf_want_init_device(&cmd->ctx, syspath, &want);

	return r < 0 ? r : queries_add_want(cmd, run, &want);
}

int cmd_take_query_option(struct cmd *cmd, struct mf_run *run, int option, const char *value)
{
	if (option == CMD_OPTION_DEVICE)
		return queries_take_device(cmd, run, value);
	if (option == CMD_OPTION_FILE)
		return queries_take_file(cmd, run, value);
	return cmd_usage(cmd, run->verb, "it takes queries, --device SYSPATH and --file FILE");
}

int cmd_take_queries(struct cmd *cmd, struct mf_run *run, char *const *queries)
{
	int r = 0;

	for (; !r && *queries; queries++)
		r = take_query(cmd, run, *queries);
	if (!r && !run->wants.n)
		return cmd_usage(cmd, run->verb,
				 "what for? It needs a query, --device SYSPATH or --file FILE");
	if (!r && run->wants.n == 1 && run->wants.v[0].kind == MF_WANT_BAD)
		return mf_fail(&cmd->ctx, "event", -MFE_BAD_MODALIAS, run->wants.v[0].query, "%s",
			       run->wants.v[0].reason);
	return r;
}

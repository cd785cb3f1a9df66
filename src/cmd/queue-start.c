/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * queue: its arguments, and how it starts again.
 *
 * A part of the program, which waits for the first entry (wait.c), and of its module, which handles
 * the entries (queue.c). A wrong argument is thus refused before the wait.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>
#include "modfetch/process.h"
#include "cmd.h"

enum { LINGER = CMD_QUEUE_RETRY + 1, LINGER_S = 300, LINGER_MAX = 3600 };

static int check_linger(struct cmd *cmd, enum cmd_queue_mode mode, const char *seconds, int *ret_ms)
{
	char *end = (char *)"";
	unsigned long s = seconds ? strtoul(seconds, &end, 10) : LINGER_S;

	if (*end || s > LINGER_MAX || (seconds && mode != CMD_QUEUE_WATCH))
		return cmd_usage(cmd, "queue", "--linger takes up to %d seconds, and needs --watch",
				 LINGER_MAX);
	*ret_ms = (int)s * 1000;
	return 0;
}

int cmd_queue_parse(struct cmd *cmd, int argc, char **argv, enum cmd_queue_mode *ret_mode,
		    int *ret_linger_ms)
{
	static const struct option options[] = {
		{ "until-empty", no_argument, NULL, CMD_QUEUE_UNTIL_EMPTY },
		{ "watch", no_argument, NULL, CMD_QUEUE_WATCH },
		{ "retry", no_argument, NULL, CMD_QUEUE_RETRY },
		{ "linger", required_argument, NULL, LINGER },
		{ 0 },
	};
	enum cmd_queue_mode mode = CMD_QUEUE_ONCE;
	const char *seconds = NULL;
	int opt, r;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == '?')
			return cmd_usage(cmd, "queue",
					 "the options are --until-empty, --watch, "
					 "--linger SECONDS and --retry");
		if (opt == LINGER)
			seconds = optarg;
		else
			mode = (enum cmd_queue_mode)opt;
	}
	if (optind < argc)
		return cmd_usage(cmd, "queue", "unexpected argument %s", argv[optind]);
	r = check_linger(cmd, mode, seconds, ret_linger_ms);
	if (!r)
		*ret_mode = mode;
	return r;
}

int cmd_restart(struct cmd *cmd)
{
	char path[PATH_MAX];

	if (mf_process_program(path, NULL) < 0)
		return mf_fail(&cmd->ctx, MF_STAGE_QUEUE, -ENOENT, "/proc/self/exe", NULL);
	execv(path, cmd->argv);
	return mf_fail(&cmd->ctx, MF_STAGE_QUEUE, -errno, path, "it cannot be started: %s",
		       mf_error_sentence(-errno));
}

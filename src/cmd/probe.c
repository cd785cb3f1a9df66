/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * probe: the road for what somebody names, to its end.
 *
 * It is the verb that modprobe's users know, with the one difference that what is missing is
 * fetched; what it would do is told by lookup, which goes the same road and stops at the plan.
 */
#include <getopt.h>
#include "src/cmd/cmd.h"
#include "modfetch/cleanup.h"

int cmd_probe(struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, CMD_OPTION_DEVICE },
		{ "file", required_argument, NULL, CMD_OPTION_FILE },
		{ 0 },
	};
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "probe" };
	int c, r = 0;

	while (!r && (c = getopt_long(argc, argv, "", options, NULL)) != -1)
		r = cmd_take_query_option(cmd, &run, c, optarg);
	if (!r)
		r = cmd_take_queries(cmd, &run, argv + optind);
	return r < 0 ? r : cmd_run(cmd, &run);
}

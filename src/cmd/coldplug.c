/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * coldplug: every device at once, as one transaction. From a recorded tree or a list nothing is
 * loaded: its devices are another machine's. That a device has no driver anywhere is the rule and
 * no failure; the status says whether there was anything to do.
 */
#include <getopt.h>
#include <stdio.h>
#include "src/cmd/cmd.h"
#include "modfetch/cleanup.h"
#include "modfetch/devices.h"

int cmd_coldplug(struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = {{"sysfs", required_argument, NULL, 's'}, {0}};
	_cleanup_(mf_run_done) struct mf_run run = {.verb = "coldplug"};
	const char *source = NULL;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 's')
			return cmd_usage(cmd, "coldplug", "it takes --sysfs DIR|FILE");
		source = optarg;
	}
	if (optind < argc)
		return cmd_usage(cmd, "coldplug", "%s is not expected", argv[optind]);
	r = mf_devices_read(&cmd->ctx, source, false, &run.wants);
	if (r < 0)
		return r;
	run.no_load = source != NULL;
	return cmd_run(cmd, &run);
}

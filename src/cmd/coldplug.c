/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * coldplug: every device at once, as one transaction, and with them what user space asked for by
 * name when this machine booted. From a recorded tree or a list nothing is loaded: its devices are
 * another machine's, and of that one's user space nothing is known. That a device has no driver
 * anywhere is the rule and no failure; the status says whether there was anything to do.
 *
 * With --boot it is the service's: what no repository could be asked for yet goes into the spool,
 * where modfetch.service waits for the network with it, and a machine without a repository is none
 * that failed to boot.
 */
#include <getopt.h>
#include <stdio.h>
#include "src/cmd/cmd.h"
#include "modfetch/boot-wants.h"
#include "modfetch/cleanup.h"
#include "modfetch/devices.h"
#include "modfetch/drain.h"

static int at_boot(struct cmd *cmd, const struct mf_run *run, int r)
{
	if (r == -MFE_NO_REPOSITORY)
		return CMD_NOTHING;
	if (r >= 0 || !mf_drain_passes(r))
		return r;
	mf_log(&cmd->ctx, MF_LOG_INFO, "coldplug: %s: %s [%s], left to modfetch.service",
	       cmd->ctx.failure.what, cmd->ctx.failure.why, mf_error_name(r));
	r = mf_drain_defer(&cmd->ctx, &run->wants);
	return r < 0 ? r : CMD_NOTHING;
}

int cmd_coldplug(struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = { { "boot", no_argument, NULL, 'b' },
						 { "sysfs", required_argument, NULL, 's' },
						 { 0 } };
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "coldplug" };
	const char *source = NULL;
	bool boot = false;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 's' && c != 'b')
			return cmd_usage(cmd, "coldplug", "it takes --sysfs DIR|FILE or --boot");
		if (c == 'b')
			boot = true;
		else
			source = optarg;
	}
	if (optind < argc)
		return cmd_usage(cmd, "coldplug", "%s is not expected", argv[optind]);
	r = mf_devices_read(&cmd->ctx, source, false, &run.wants);
	if (r >= 0 && !source)
		r = mf_boot_wants(&cmd->ctx, &run.wants);
	if (r < 0)
		return r;
	run.no_load = source != NULL;
	if (!boot)
		return cmd_run(cmd, &run);
	cmd->ctx.unattended = true;
	return at_boot(cmd, &run, cmd_run(cmd, &run));
}

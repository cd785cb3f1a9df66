/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * coldplug: all devices at once, as one transaction, together with the modules that user space
 * requested by name when this machine booted. From a recorded tree or a list nothing is loaded: its
 * devices are those of another machine, whose user space requests are unknown. It is normal that a
 * device has no driver in any repository; the exit status says whether there was anything to do.
 *
 * With --boot it runs for the service: queries that fail because no repository can be reached yet
 * go into the spool, where modfetch.service waits for the network. A machine without a repository
 * is not a failed boot.
 *
 * The run has its own child process: if it crashes, or is killed for its memory or its time, all
 * devices go into the spool, and each gets its own run. Devices that are set aside there are
 * skipped here.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>
#include "modfetch/catalog.h"
#include "modfetch/cleanup.h"
#include "modfetch/depmod.h"
#include "modfetch/drain.h"
#include "modfetch/pipeline.h"
#include "modfetch/process.h"
#include "modfetch/upkeep.h"
#include "modfetch/usage.h"
#include "modfetch/want.h"
#include "cmd.h"

/* Longer than any run that ends; if it is exceeded, the machine only lacks this one run. */
enum { RUN_SECONDS = 3600 };

struct work {
	struct cmd *cmd;
	struct mf_run *run;
	bool boot;
};

static int coldplug_child(struct mf_context *ctx, void *arg)
{
	struct work *w = arg;
	int r;

	if (ctx->unattended)
		alarm(RUN_SECONDS + ctx->settings.fetch_timeout);
	r = cmd_run(w->cmd, w->run);
	if (w->boot && r >= 0)
		mf_report_run(ctx, w->run);
	/* the child process ends here, so it must write its output itself */
	if (fflush(stdout) && r >= 0)
		return mf_fail(ctx, MF_STAGE_OUTPUT, -errno, "stdout", NULL);
	return r;
}

/*
 * Runs for all devices of this machine. Returns an exit status; after a crash the devices are in
 * the spool.
 */
static int run_in_child(struct cmd *cmd, struct mf_run *run, bool boot)
{
	struct work w = { cmd, run, boot };
	struct mf_failure why;
	int r;

	if (cmd->dry_run)
		return cmd_run(cmd, run);
	r = mf_aside_filter(&cmd->ctx, &run->wants);
	if (r < 0)
		return r;
	fflush(stdout);
	r = mf_child_run(&cmd->ctx, MF_STAGE_COLDPLUG, coldplug_child, &w);
	/* the child printed its result, or its failure as JSON */
	cmd->printed = r != -ECHILD;
	if (r != -ECHILD)
		return r;
	why = cmd->ctx.failure;
	r = mf_drain_defer(&cmd->ctx, &run->wants, true);
	return r < 0 ? r
		     : mf_fail(&cmd->ctx, MF_STAGE_COLDPLUG, -MFE_SET_ASIDE, "all devices",
			       "%s; modfetch.service, or modfetch queue, now tries each of them "
			       "alone",
			       why.why);
}

/*
 * The first run of depmod on a tree reads every module, and the first plan the rpm database, for
 * which the next device would have to wait. So it is done here, where nothing waits. It changes no
 * index.
 */
static void prepare_caches(struct mf_context *ctx)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);

	if (mf_depmod(ctx, &(struct mf_depmod_options){ .learn = true }, NULL) < 0)
		mf_log(ctx, MF_LOG_INFO, "coldplug: %s: %s", ctx->failure.what, ctx->failure.why);
	mf_installed_refresh(ctx);
}

static int finish_boot(struct cmd *cmd, const struct mf_run *run, int r)
{
	if (r == -MFE_NO_REPOSITORY)
		return CMD_NOTHING;
	if (r >= 0 || !mf_fault_is_transient(r))
		return r;
	mf_log(&cmd->ctx, MF_LOG_INFO, "coldplug: %s: %s [%s], left to modfetch.service",
	       cmd->ctx.failure.what, cmd->ctx.failure.why, mf_error_name(r));
	r = mf_drain_defer(&cmd->ctx, &run->wants, false);
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
			return cmd_usage(cmd, "coldplug",
					 "the options are --sysfs DIR|FILE and --boot");
		if (c == 'b')
			boot = true;
		else
			source = optarg;
	}
	if (optind < argc)
		return cmd_usage(cmd, "coldplug", "unexpected argument %s", argv[optind]);
	r = mf_devices_read(&cmd->ctx, source, false, &run.wants);
	if (r >= 0 && !source)
		r = mf_boot_wants(&cmd->ctx, &run.wants);
	if (r < 0)
		return r;
	run.no_load = source != NULL;
	if (source)
		return cmd_run(cmd, &run);
	if (!boot)
		return run_in_child(cmd, &run, false);
	cmd->ctx.unattended = true;
	/* the journal gets a line for each device that got a driver, not the answer for each one */
	cmd->quiet |= !cmd->dry_run;
	r = run_in_child(cmd, &run, true);
	if (r != -MFE_NO_REPOSITORY)
		prepare_caches(&cmd->ctx);
	r = finish_boot(cmd, &run, r);
	(void)mf_kernels_retry(&cmd->ctx);
	mf_usage_note(&cmd->ctx);
	return r;
}

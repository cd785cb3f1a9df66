/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * probe: the whole pipeline for a query.
 *
 * Users know it from modprobe; the one difference is that a missing driver is fetched. With
 * --from-modprobe the caller is the helper of modprobe, unattended if the kernel called modprobe:
 * then it waits less, its runs count for the hourly limit of devices, and failures are recorded, to
 * be tried again by modfetch.service or not to be repeated soon. lookup prints what it would do: it
 * runs the same pipeline and stops after the plan.
 */
#include <getopt.h>
#include "modfetch/cleanup.h"
#include "modfetch/drain.h"
#include "modfetch/pipeline.h"
#include "modfetch/spool.h"
#include "cmd.h"

enum { KERNEL_WAITS_S = 15 };

/* The caller waits inside a system call; modfetch.service has more time. */
static void limit_waiting(struct cmd *cmd)
{
	struct mf_settings *s = &cmd->ctx.settings;

	s->fetch_timeout = s->fetch_timeout < KERNEL_WAITS_S ? s->fetch_timeout : KERNEL_WAITS_S;
	s->lock_timeout = s->lock_timeout < KERNEL_WAITS_S ? s->lock_timeout : KERNEL_WAITS_S;
}

/* Leaves the queries that cannot be answered now to modfetch.service. */
static void leave_to_service(struct cmd *cmd, const struct mf_run *run)
{
	_cleanup_close_ int fd = mf_spool_open(&cmd->ctx);

	for (size_t i = 0; fd >= 0 && i < run->wants.n; i++)
		if (mf_spool_put_name(fd, run->wants.v[i].query) == 0)
			mf_log(&cmd->ctx, MF_LOG_INFO, "%s: left to modfetch.service",
			       run->wants.v[i].query);
}

/* Is it certain that a retry fails too? */
static bool is_permanent(const struct mf_run *run, int r)
{
	return r < 0 && (!mf_fault_is_transient(r) || run->fault == MF_FAULT_PACKAGE);
}

/*
 * A run that any user can cause was counted before it began. The count stays if the run led to a
 * download; a permanent failure is not repeated soon.
 */
static void record_outcome(struct cmd *cmd, const struct mf_run *run, uint64_t counted_at, int r)
{
	bool permanent = is_permanent(run, r);

	if (!run->plan.n)
		(void)mf_runs_uncount(&cmd->ctx, counted_at);
	for (size_t i = 0; permanent && i < run->wants.n; i++)
		(void)mf_failed_note(&cmd->ctx, run->wants.v[i].query);
}

/*
 * A query that crashed the runs of a device must not crash those of the kernel, which any user can
 * cause.
 */
static int refuse_set_aside(struct cmd *cmd, struct mf_run *run)
{
	_cleanup_(mf_aside_done) struct mf_aside aside = { 0 };
	int r = mf_aside_read(&cmd->ctx, &aside);

	for (size_t i = 0; r == 0 && i < run->wants.n; i++) {
		const struct mf_aside_entry *found = mf_aside_find(&aside, run->wants.v[i].query);
		char words[160];

		if (!found || found->due)
			continue;
		mf_aside_describe(found, words, sizeof(words));
		r = mf_fail(&cmd->ctx, MF_STAGE_EVENT, -MFE_SET_ASIDE, run->wants.v[i].query, "%s",
			    words);
	}
	return r;
}

int cmd_probe(struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, CMD_OPTION_DEVICE },
		{ "file", required_argument, NULL, CMD_OPTION_FILE },
		{ 0 },
	};
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "probe" };
	uint64_t counted_at = 0;
	bool kernel;
	int c, r = 0;

	while (!r && (c = getopt_long(argc, argv, "", options, NULL)) != -1)
		r = cmd_add_query_option(cmd, &run, c, optarg);
	if (!r)
		r = cmd_add_queries(cmd, &run, argv + optind);
	if (r < 0)
		return r;
	kernel = cmd->ctx.from_modprobe && cmd->ctx.unattended;
	if (kernel && !mf_runs_kernel_allowed(&cmd->ctx)) {
		leave_to_service(cmd, &run);
		return CMD_FAILED;
	}
	if (kernel) {
		r = refuse_set_aside(cmd, &run);
		if (r < 0)
			return r;
		limit_waiting(cmd);
		(void)mf_runs_count(&cmd->ctx, &counted_at);
	}
	r = cmd_run(cmd, &run);
	if (kernel)
		record_outcome(cmd, &run, counted_at, r);
	if (r < 0 && cmd->ctx.from_modprobe && !is_permanent(&run, r))
		leave_to_service(cmd, &run);
	return r;
}

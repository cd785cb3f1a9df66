/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * probe: the road for what somebody names, to its end.
 *
 * It is the verb that modprobe's users know, with the one difference that what is missing is
 * fetched. With --from-modprobe the helper of modprobe asks, unattended where the kernel does: it
 * waits less, the runs of an hour are limited as those for devices are, and what fails is remembered,
 * to be tried again by modfetch.service or not to be tried again soon. What it would do is told by
 * lookup, which goes the same road and stops at the plan.
 */
#include <getopt.h>
#include "modfetch/cleanup.h"
#include "modfetch/drain.h"
#include "modfetch/pipeline.h"
#include "modfetch/spool.h"
#include "cmd.h"

enum { KERNEL_WAITS_S = 15 };

/* Somebody waits inside a system call: the service has more time. */
static void limit_waiting(struct cmd *cmd)
{
	struct mf_settings *s = &cmd->ctx.settings;

	s->fetch_timeout = s->fetch_timeout < KERNEL_WAITS_S ? s->fetch_timeout : KERNEL_WAITS_S;
	s->lock_timeout = s->lock_timeout < KERNEL_WAITS_S ? s->lock_timeout : KERNEL_WAITS_S;
}

/* What cannot be had at the moment is left to modfetch.service. */
static void probe_remember(struct cmd *cmd, const struct mf_run *run)
{
	_cleanup_close_ int fd = mf_spool_open(&cmd->ctx);

	for (size_t i = 0; fd >= 0 && i < run->wants.n; i++)
		if (mf_spool_put_name(fd, run->wants.v[i].query) == 0)
			mf_log(&cmd->ctx, MF_LOG_INFO, "%s: left to modfetch.service",
			       run->wants.v[i].query);
}

/* Will trying again not change it? */
static bool is_for_good(const struct mf_run *run, int r)
{
	return r < 0 && (!mf_fault_is_transient(r) || run->fault == MF_FAULT_PACKAGE);
}

/*
 * What any user can provoke was counted before it began, and stays so if it came to a download; it
 * is not repeated soon if it failed for good.
 */
static void account(struct cmd *cmd, const struct mf_run *run, uint64_t counted_at, int r)
{
	bool for_good = is_for_good(run, r);

	if (!run->plan.n)
		(void)mf_runs_uncount(&cmd->ctx, counted_at);
	for (size_t i = 0; for_good && i < run->wants.n; i++)
		(void)mf_failed_note(&cmd->ctx, run->wants.v[i].query);
}

/* What crashed the runs of a device must not crash those of whoever provokes the kernel. */
static int refuse_aside(struct cmd *cmd, struct mf_run *run)
{
	_cleanup_(mf_aside_done) struct mf_aside aside = { 0 };
	int r = mf_aside_read(&cmd->ctx, &aside);

	for (size_t i = 0; r == 0 && i < run->wants.n; i++) {
		const struct mf_aside_entry *found = mf_aside_find(&aside, run->wants.v[i].query);
		char words[160];

		if (!found || found->due)
			continue;
		mf_aside_describe(found, words, sizeof(words));
		r = mf_fail(&cmd->ctx, "event", -MFE_SET_ASIDE, run->wants.v[i].query, "%s", words);
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
		r = cmd_take_query_option(cmd, &run, c, optarg);
	if (!r)
		r = cmd_take_queries(cmd, &run, argv + optind);
	if (r < 0)
		return r;
	kernel = cmd->ctx.from_modprobe && cmd->ctx.unattended;
	if (kernel && !mf_runs_kernel_allowed(&cmd->ctx)) {
		probe_remember(cmd, &run);
		return CMD_FAILED;
	}
	if (kernel) {
		r = refuse_aside(cmd, &run);
		if (r < 0)
			return r;
		limit_waiting(cmd);
		(void)mf_runs_count(&cmd->ctx, &counted_at);
	}
	r = cmd_run(cmd, &run);
	if (kernel)
		account(cmd, &run, counted_at, r);
	if (r < 0 && cmd->ctx.from_modprobe && !is_for_good(&run, r))
		probe_remember(cmd, &run);
	return r;
}

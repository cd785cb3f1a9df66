/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trials: the updates that are on trial.
 *
 * Without an option it lists them, and the versions that were taken back. --begin-boot and --judge are
 * for the units: the first one runs before udev handles devices, the second one after coldplug.
 */
#include <getopt.h>
#include <stdio.h>
#include "modfetch/cleanup.h"
#include "modfetch/taken-back.h"
#include "update.h"

/* A device that takes longer to appear after a boot counts as lost. */
#define WAIT_MS 30000

struct lists {
	struct mf_trials trials;
	struct mf_taken_back taken;
};

static void lists_done(struct lists *lists)
{
	mf_trials_done(&lists->trials);
	mf_taken_back_done(&lists->taken);
}

static int lists_read(struct mf_context *ctx, struct lists *ret_lists)
{
	int r = mf_trials_read(ctx, &ret_lists->trials);

	return r < 0 ? r : mf_taken_back_read(ctx, &ret_lists->taken);
}

int cmd_trials_print(struct cmd *cmd)
{
	_cleanup_(lists_done) struct lists lists = { 0 };
	int r = lists_read(&cmd->ctx, &lists);

	for (size_t i = 0; !r && i < lists.trials.n; i++)
		cmd_line("%s %s  on trial for kernel %s, in place of %s", lists.trials.v[i].name,
			 lists.trials.v[i].evr, lists.trials.v[i].kernel,
			 lists.trials.v[i].old_label);
	for (size_t i = 0; !r && i < lists.taken.n; i++)
		cmd_line("%s %s  taken back: %s", lists.taken.v[i].name, lists.taken.v[i].evr,
			 lists.taken.v[i].why);
	return r;
}

static struct mf_json *trial_object(const struct mf_trial *trial)
{
	struct mf_json *o = mf_json_object();

	mf_json_set_string(o, "name", trial->name);
	mf_json_set_string(o, "evr", trial->evr);
	mf_json_set_string(o, "kernel", trial->kernel);
	mf_json_set_string(o, "replaces", trial->old_label);
	mf_json_set_strings(o, "devices", &trial->devices);
	return o;
}

int cmd_trials_add(struct cmd *cmd, struct mf_json *object)
{
	_cleanup_(lists_done) struct lists lists = { 0 };
	struct mf_json *trials, *taken;
	int r = lists_read(&cmd->ctx, &lists);

	if (r < 0)
		return r;
	trials = mf_json_array();
	taken = mf_json_array();
	for (size_t i = 0; i < lists.trials.n; i++)
		mf_json_add(trials, trial_object(&lists.trials.v[i]));
	for (size_t i = 0; i < lists.taken.n; i++) {
		struct mf_json *t = mf_json_object();

		mf_json_set_string(t, "name", lists.taken.v[i].name);
		mf_json_set_string(t, "evr", lists.taken.v[i].evr);
		mf_json_set_string(t, "why", lists.taken.v[i].why);
		mf_json_add(taken, t);
	}
	mf_json_set(object, "trials", trials);
	mf_json_set(object, "taken_back", taken);
	return 0;
}

static int list_trials(struct cmd *cmd)
{
	struct mf_json *o;
	int r;

	if (!cmd->json) {
		r = cmd_trials_print(cmd);
		return r < 0 ? r : CMD_DONE;
	}
	o = mf_json_object();
	r = cmd_trials_add(cmd, o);
	if (!r)
		cmd_json(cmd, o, true);
	mf_json_free(o);
	return r < 0 ? r : CMD_DONE;
}

static int judge_trials(struct cmd *cmd)
{
	_cleanup_(mf_trial_results_done) struct mf_trial_results results = { 0 };
	int r;

	cmd->ctx.unattended = true;
	r = mf_trials_judge(&cmd->ctx, WAIT_MS, &results);
	cmd_print_trials(cmd, &results);
	return r < 0 ? r : results.taken_back.n ? CMD_FAILED : CMD_DONE;
}

int cmd_trials(struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = { { "begin-boot", no_argument, NULL, 'b' },
						 { "judge", no_argument, NULL, 'j' },
						 { 0 } };
	int c, mode = 0, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?' || mode)
			return cmd_usage(cmd, "trials", "the options are --begin-boot or --judge");
		mode = c;
	}
	if (optind < argc)
		return cmd_usage(cmd, "trials", "unexpected argument %s", argv[optind]);
	if (mode == 'j')
		return judge_trials(cmd);
	if (mode != 'b')
		return list_trials(cmd);
	r = mf_trials_begin_boot(&cmd->ctx);
	return r < 0 ? r : CMD_DONE;
}

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

static void print_list(const struct cmd *cmd, const struct mf_trials *trials,
		       const struct mf_taken_back *taken)
{
	for (size_t i = 0; i < trials->n; i++)
		cmd_line("%s %s  on trial for kernel %s, in place of %s", trials->v[i].name,
			 trials->v[i].evr, trials->v[i].kernel, trials->v[i].old_label);
	for (size_t i = 0; i < taken->n; i++)
		cmd_line("%s %s  taken back: %s", taken->v[i].name, taken->v[i].evr,
			 taken->v[i].why);
}

static void print_json(struct cmd *cmd, const struct mf_trials *trials,
		       const struct mf_taken_back *taken)
{
	struct mf_json *o = mf_json_object(), *on_trial = mf_json_array(), *back = mf_json_array();

	for (size_t i = 0; i < trials->n; i++) {
		struct mf_json *t = mf_json_object();

		mf_json_set_string(t, "name", trials->v[i].name);
		mf_json_set_string(t, "evr", trials->v[i].evr);
		mf_json_set_string(t, "kernel", trials->v[i].kernel);
		mf_json_set_string(t, "replaces", trials->v[i].old_label);
		mf_json_set_strings(t, "devices", &trials->v[i].devices);
		mf_json_add(on_trial, t);
	}
	for (size_t i = 0; i < taken->n; i++) {
		struct mf_json *t = mf_json_object();

		mf_json_set_string(t, "name", taken->v[i].name);
		mf_json_set_string(t, "evr", taken->v[i].evr);
		mf_json_set_string(t, "why", taken->v[i].why);
		mf_json_add(back, t);
	}
	mf_json_set(o, "trials", on_trial);
	mf_json_set(o, "taken_back", back);
	cmd_json(o, true);
	mf_json_free(o);
}

static int list_trials(struct cmd *cmd)
{
	_cleanup_(mf_trials_done) struct mf_trials trials = { 0 };
	_cleanup_(mf_taken_back_done) struct mf_taken_back taken = { 0 };
	int r = mf_trials_read(&cmd->ctx, &trials);

	if (!r)
		r = mf_taken_back_read(&cmd->ctx, &taken);
	if (r < 0)
		return r;
	if (cmd->json)
		print_json(cmd, &trials, &taken);
	else
		print_list(cmd, &trials, &taken);
	return CMD_DONE;
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

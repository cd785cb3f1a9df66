/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * update: newer versions of installed drivers, all in one transaction; and what is on trial afterwards.
 *
 * If one package makes the transaction fail, each update is tried alone, so that a bad package costs
 * itself. A new module is loaded at the next boot; --reload loads it now, if nothing uses the old one.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/update.h"
#include "update.h"

static struct mf_json *update_object(const struct mf_update *u)
{
	struct mf_json *o = mf_json_object();

	mf_json_set_string(o, "name", u->name);
	mf_json_set_string(o, "installed", u->installed);
	mf_json_set_string(o, "evr", u->evr);
	mf_json_set_string(o, "repo", u->repo);
	mf_json_set_string(o, "module", u->module);
	mf_json_set_string(o, "blocked", u->blocked);
	return o;
}

void cmd_print_updates(struct cmd *cmd, const struct mf_updates *updates)
{
	struct mf_json *o, *list;

	if (!cmd->json) {
		for (size_t i = 0; i < updates->n; i++) {
			const struct mf_update *u = &updates->v[i];

			cmd_line("%s  %s -> %s  %s%s%s", u->name,
				 u->installed ? u->installed : "(not of a package)", u->evr,
				 u->repo, u->blocked ? "  not updated: " : "",
				 u->blocked ? u->blocked : "");
		}
		return;
	}
	o = mf_json_object();
	list = mf_json_array();
	for (size_t i = 0; i < updates->n; i++)
		mf_json_add(list, update_object(&updates->v[i]));
	mf_json_set_string(o, "kernel", cmd->ctx.kernel);
	mf_json_set(o, "updates", list);
	cmd_json(cmd, o, true);
	mf_json_free(o);
}

void cmd_print_trials(const struct cmd *cmd, const struct mf_trial_results *results)
{
	if (cmd->json || cmd->quiet)
		return;
	for (size_t i = 0; i < results->passed.n; i++)
		cmd_line("%s works", results->passed.v[i]);
	for (size_t i = 0; i < results->taken_back.n; i++)
		cmd_line("%s; the version before is back", results->taken_back.v[i]);
	for (size_t i = 0; i < results->waiting.n; i++)
		cmd_line("%s", results->waiting.v[i]);
}

/* ---- the update ---- */

static int run_versions(struct cmd *cmd, const struct mf_version *versions, size_t n,
			struct mf_json *runs)
{
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "update",
						     .selection.versions = versions,
						     .selection.n_versions = n,
						     .no_load = true,
						     .trial = true };

	return cmd_run_into(cmd, &run, runs);
}

/* Each alone, after a failure of all. The worst result. */
static int run_each(struct cmd *cmd, const struct mf_version *versions, size_t n,
		    struct mf_json *runs)
{
	struct mf_failure failure = cmd->ctx.failure;
	int worst = failure.code;

	for (size_t i = 0; i < n; i++) {
		int r = run_versions(cmd, &versions[i], 1, runs);

		if (r >= 0)
			continue;
		mf_log(&cmd->ctx, MF_LOG_ERROR, "%s: %s: %s [%s]",
		       mf_stage_name(cmd->ctx.failure.stage), cmd->ctx.failure.what,
		       cmd->ctx.failure.why, mf_error_name(r));
		failure = cmd->ctx.failure;
		worst = r;
	}
	cmd->ctx.failure = failure;
	return worst;
}

static int run_all(struct cmd *cmd, const struct mf_version *versions, size_t n,
		   struct mf_json *runs)
{
	int r = run_versions(cmd, versions, n, runs);

	if (r < 0 && n > 1 && mf_fault_is_of_package(r) && !cmd->dry_run)
		r = run_each(cmd, versions, n, runs);
	return r;
}

/* One object: of the transaction or, if that failed and each update was tried alone, of all. */
static void print_runs(struct cmd *cmd, struct mf_json *runs, int r)
{
	struct mf_json *o;

	if (mf_json_length(runs) == 1) {
		cmd_json(cmd, mf_json_at(runs, 0), true);
		mf_json_free(runs);
		return;
	}
	o = mf_json_object();
	mf_json_set_string(o, "kernel", cmd->ctx.kernel);
	mf_json_set(o, "runs", runs);
	/* without an update there is no run */
	mf_json_set_bool(o, "changed", cmd->changed);
	if (r < 0)
		cmd_json_error(cmd, o);
	cmd_json(cmd, o, true);
	mf_json_free(o);
}

static int update_all(struct cmd *cmd, const struct mf_updates *updates)
{
	size_t n;
	_cleanup_free_ struct mf_version *versions = mf_updates_versions(updates, &n);
	struct mf_json *runs;
	int r;

	if (!versions)
		return mf_fail(&cmd->ctx, MF_STAGE_COMMAND, -ENOMEM, "update", NULL);
	runs = cmd->json ? mf_json_array() : NULL;
	r = n ? run_all(cmd, versions, n, runs) : CMD_NOTHING;
	if (runs)
		print_runs(cmd, runs, r);
	else if (!n && !cmd->quiet)
		cmd_line("no driver of %s has an update", cmd->ctx.kernel);
	return r;
}

/* What must wait for a boot, as one line for each. */
static int print_waiting(struct cmd *cmd)
{
	_cleanup_(mf_trials_done) struct mf_trials trials = { 0 };
	int r = mf_trials_read(&cmd->ctx, &trials);

	for (size_t i = 0; !r && i < trials.n && !cmd->json && !cmd->quiet; i++)
		cmd_line("%s %s is on disk; the running kernel keeps the old version until the "
			 "next boot, or: modfetch update --reload",
			 trials.v[i].name, trials.v[i].evr);
	return r;
}

static int finish(struct cmd *cmd, bool reload)
{
	_cleanup_(mf_trial_results_done) struct mf_trial_results results = { 0 };
	int r;

	if (!reload || cmd->no_load)
		return print_waiting(cmd);
	r = mf_trials_reload(&cmd->ctx, &results);
	cmd_print_trials(cmd, &results);
	return r < 0 ? r : results.taken_back.n ? CMD_FAILED : 0;
}

static void print_blocked(const struct cmd *cmd, const struct mf_updates *updates)
{
	for (size_t i = 0; i < updates->n && !cmd->json && !cmd->quiet; i++)
		if (updates->v[i].blocked)
			cmd_line("%s stays at %s: %s", updates->v[i].name,
				 updates->v[i].installed ? updates->v[i].installed : "what it is",
				 updates->v[i].blocked);
}

static bool any_held(const struct mf_updates *updates)
{
	for (size_t i = 0; i < updates->n; i++)
		if (updates->v[i].held)
			return true;
	return false;
}

int cmd_update_by_policy(struct cmd *cmd)
{
	const char *policy = cmd->ctx.settings.auto_update;
	_cleanup_(mf_updates_done) struct mf_updates updates = { 0 };
	int r;

	if (!policy || !strcmp(policy, "no"))
		return CMD_NOTHING;
	r = mf_updates_find(&cmd->ctx, NULL, &updates);
	if (!r && !strcmp(policy, "security"))
		r = mf_updates_keep_security(&cmd->ctx, &updates);
	return r < 0 ? r : update_all(cmd, &updates);
}

int cmd_update(struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = { { "check", no_argument, NULL, 'c' },
						 { "reload", no_argument, NULL, 'r' },
						 { 0 } };
	_cleanup_(mf_updates_done) struct mf_updates updates = { 0 };
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	bool check = false, reload = false;
	int c, r = 0, finished;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'c' && c != 'r')
			return cmd_usage(cmd, "update", "the options are --check and --reload");
		check |= c == 'c';
		reload |= c == 'r';
	}
	for (int i = optind; !r && i < argc; i++)
		r = mf_strings_add_unique(&names, argv[i]);
	if (r < 0)
		return mf_fail(&cmd->ctx, MF_STAGE_COMMAND, r, "update", NULL);
	r = mf_updates_find(&cmd->ctx, names.n ? &names : NULL, &updates);
	if (r < 0)
		return r;
	if (check) {
		cmd_print_updates(cmd, &updates);
		return CMD_DONE;
	}
	print_blocked(cmd, &updates);
	r = update_all(cmd, &updates);
	if (r == CMD_NOTHING && names.n && any_held(&updates))
		r = CMD_REFUSED;
	if (cmd->dry_run || (r < 0 && !reload))
		return r;
	finished = finish(cmd, reload);
	return r < 0 ? r : finished ? finished : r;
}

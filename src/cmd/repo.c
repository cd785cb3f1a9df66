/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * repo: lists, adds, enables, disables and removes repositories.
 *
 * Each change is made for one repository after the other; the first failure ends it, and what was done
 * before it was printed. After a change the lines for modprobe are made again, since other drivers can be
 * fetched now.
 */
#include "repo.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "modfetch/array.h"
#include "modfetch/cache.h"
#include "modfetch/cleanup.h"
#include "modfetch/repo.h"
#include "modfetch/setup.h"
#include "modfetch/strings.h"
#include "modfetch/trust.h"

/* ---- list ---- */

/* The state of the metadata in use; the next refresh reports a damaged one. */
static void read_state(struct cmd *cmd, const struct mf_repo *repo, struct mf_repo_state *ret_state)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved =
		mf_failure_save(&cmd->ctx);

	*ret_state = (struct mf_repo_state){ 0 };
	if (repo->trust != MF_TRUST_NONE)
		(void)mf_repo_state_read(&cmd->ctx, repo->id, ret_state);
}

/* Days since the metadata was signed; -1: unknown. */
static int64_t age_days(const struct mf_repo_state *state)
{
	int64_t age = state->used.signing_time
			      ? mf_trust_seconds_since(state->used.signing_time, time(NULL))
			      : -1;

	return age < 0 ? -1 : age / 86400;
}

static void list_print(struct cmd *cmd, const struct mf_repo *repo)
{
	_cleanup_free_ char *url =
		mf_secret_hide_copy(repo->baseurls.n ? repo->baseurls.v[0] : "(mirrorlist)");
	struct mf_repo_state state;
	int64_t days;

	read_state(cmd, repo, &state);
	days = age_days(&state);
	cmd_put("%s: %s, %s, %s", repo->id, repo->enabled ? "enabled" : "disabled",
		repo->trust == MF_TRUST_NONE ? "NOT SIGNED (trust=none)" : "signed",
		url ? url : "");
	if (*state.used.signer)
		cmd_put(", by %s", state.used.signer);
	if (days >= 0)
		cmd_line(", %lld days ago", (long long)days);
	else
		cmd_line("%s", *state.used.signer || repo->trust == MF_TRUST_NONE
				       ? ""
				       : ", no metadata yet");
}

static struct mf_json *list_json(struct cmd *cmd, const struct mf_repo *repo)
{
	struct mf_json *o = mf_json_object(), *urls = mf_json_array();
	struct mf_repo_state state;
	int64_t days;

	read_state(cmd, repo, &state);
	days = age_days(&state);
	mf_json_set_string(o, "id", repo->id);
	mf_json_set_string(o, "name", repo->name);
	mf_json_set_string(o, "file", repo->file);
	mf_json_set_bool(o, "enabled", repo->enabled);
	mf_json_set_int(o, "priority", repo->priority);
	mf_json_set_string(o, "trust", repo->trust == MF_TRUST_NONE ? "none" : "signed");
	for (size_t i = 0; i < repo->baseurls.n; i++) {
		_cleanup_free_ char *url = mf_secret_hide_copy(repo->baseurls.v[i]);

		mf_json_add_string(urls, url ? url : "");
	}
	mf_json_set(o, "baseurl", urls);
	mf_json_set_strings(o, "keys", &repo->keys);
	mf_json_set_string(o, "signer", *state.used.signer ? state.used.signer : NULL);
	if (days >= 0)
		mf_json_set_int(o, "age_days", days);
	return o;
}

static int repo_list(struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	struct mf_json *o = cmd->json ? mf_json_object() : NULL, *list = mf_json_array();
	int r = argc > 1 ? cmd_usage(cmd, "repo list", "unexpected argument %s", argv[1])
			 : mf_repos_read(&cmd->ctx, &repos);

	for (size_t i = 0; !r && i < repos.n; i++) {
		if (cmd->json)
			mf_json_add(list, list_json(cmd, &repos.v[i]));
		else
			list_print(cmd, &repos.v[i]);
	}
	/* a warning has named each entry that cannot be used */
	if (!r && !repos.n && !repos.n_faults && !cmd->json && !cmd->quiet)
		cmd_line("no repository is configured; to add one: modfetch repo add URL");
	if (!r && o) {
		mf_json_set(o, "repositories", list);
		list = NULL;
		cmd_json(cmd, o, true);
	}
	mf_json_free(list);
	mf_json_free(o);
	return r < 0 ? r : CMD_DONE;
}

/* ---- enable, disable, remove ---- */

/* What happened to the repositories of a run. */
struct changes {
	struct mf_strings changed, unchanged, kept;
};

static void changes_done(struct changes *changes)
{
	mf_strings_done(&changes->changed);
	mf_strings_done(&changes->unchanged);
	mf_strings_done(&changes->kept);
}

/* A change of one repository. 0: done; 1: it was so; or a recorded failure. */
typedef int change_one(struct cmd *cmd, const char *id, struct changes *changes);

static int enable_one(struct cmd *cmd, const char *id, struct changes *changes)
{
	return mf_repo_enable(&cmd->ctx, id, true);
}

static int disable_one(struct cmd *cmd, const char *id, struct changes *changes)
{
	return mf_repo_enable(&cmd->ctx, id, false);
}

static int remove_one(struct cmd *cmd, const char *id, struct changes *changes)
{
	return mf_repo_remove(&cmd->ctx, id, &changes->kept);
}

static void changes_print(struct cmd *cmd, const struct changes *changes, const char *past,
			  bool failed)
{
	struct mf_json *o;

	if (cmd->json) {
		o = mf_json_object();
		mf_json_set_strings(o, past, &changes->changed);
		mf_json_set_strings(o, "unchanged", &changes->unchanged);
		mf_json_set_strings(o, "kept_keys", &changes->kept);
		mf_json_set_bool(o, "changed", changes->changed.n > 0);
		if (failed)
			cmd_json_error(cmd, o);
		cmd_json(cmd, o, true);
		mf_json_free(o);
		return;
	}
	for (size_t i = 0; !cmd->quiet && i < changes->changed.n; i++)
		cmd_line("%s the repository %s", past, changes->changed.v[i]);
	for (size_t i = 0; !cmd->quiet && i < changes->unchanged.n; i++)
		cmd_line("the repository %s is %s already", changes->unchanged.v[i], past);
	for (size_t i = 0; !cmd->quiet && i < changes->kept.n; i++)
		cmd_line(
			"the key %s stays: another repository uses it, or modfetch did not name it",
			changes->kept.v[i]);
}

static int change_all(struct cmd *cmd, int argc, char **argv, change_one *change, const char *past)
{
	_cleanup_(changes_done) struct changes changes = { 0 };
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	int r = 0, used;

	if (argc < 2 || argv[1][0] == '-')
		return cmd_usage(cmd, argv[0],
				 "name the ids of repositories; repo list prints them");
	if (cmd->dry_run)
		return cmd_usage(cmd, argv[0], "there is no dry run of it; leave out --dry-run");
	/* a misspelled id must not leave half of them changed */
	r = mf_repos_read(&cmd->ctx, &repos);
	for (int i = 1; !r && i < argc; i++)
		if (!mf_repos_find(&repos, argv[i]))
			r = mf_repos_not_found(&cmd->ctx, &repos, argv[i]);
	for (int i = 1; r >= 0 && i < argc; i++) {
		if (mf_strings_has(&changes.changed, argv[i]))
			continue;
		r = change(cmd, argv[i], &changes);
		if (r >= 0 &&
		    mf_strings_add(r ? &changes.unchanged : &changes.changed, argv[i]) < 0)
			r = mf_fail(&cmd->ctx, MF_STAGE_COMMAND, -ENOMEM, argv[i], NULL);
	}
	if (changes.changed.n) {
		_cleanup_(mf_failure_restore) struct mf_saved_failure saved =
			mf_failure_save(&cmd->ctx);

		used = cmd_use_new_metadata(cmd);
		if (used < 0 && r >= 0) {
			r = used;
			saved.failure = cmd->ctx.failure;
		}
	}
	if (r >= 0 || changes.changed.n)
		changes_print(cmd, &changes, past, r < 0);
	return r < 0 ? r : changes.changed.n ? CMD_DONE : CMD_NOTHING;
}

static int repo_enable(struct cmd *cmd, int argc, char **argv)
{
	return change_all(cmd, argc, argv, enable_one, "enabled");
}

static int repo_disable(struct cmd *cmd, int argc, char **argv)
{
	return change_all(cmd, argc, argv, disable_one, "disabled");
}

static int repo_remove(struct cmd *cmd, int argc, char **argv)
{
	return change_all(cmd, argc, argv, remove_one, "removed");
}

int cmd_repo(struct cmd *cmd, int argc, char **argv)
{
	static const struct {
		const char *name;
		cmd_verb *run;
	} actions[] = {
		{ "list", repo_list },	     { "add", cmd_repo_add },	{ "enable", repo_enable },
		{ "disable", repo_disable }, { "remove", repo_remove },
	};

	for (size_t i = 0; argc > 1 && i < MF_ARRAY_SIZE(actions); i++)
		if (!strcmp(argv[1], actions[i].name))
			return actions[i].run(cmd, argc - 1, argv + 1);
	return cmd_usage(cmd, "repo",
			 "say what to do: list, add URL, enable, disable or remove ID");
}

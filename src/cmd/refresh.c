/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * refresh: the metadata of all enabled repositories, or of those named. One that fails does not
 * keep the others; each failure is said, and the status tells of the last. Holds the lock for the
 * whole of it: nobody resolves against half a set.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/drain.h"
#include "modfetch/file.h"
#include "modfetch/json.h"
#include "modfetch/refresh.h"
#include "modfetch/stubs.h"
#include "cmd.h"

/* What became of one repository, for --json. */
static void refresh_report(struct mf_json *list, const char *id, int r,
			   const struct mf_refresh_result *result, const struct mf_failure *failure)
{
	struct mf_json *o = mf_json_object();

	mf_json_set_string(o, "id", id);
	mf_json_set_string(o, "state", r < 0 ? "failed" : r ? "unchanged" : "refreshed");
	if (!r)
		mf_json_set_int(o, "packages", (int64_t)result->packages);
	if (r >= 0)
		mf_json_set_string(o, "signer",
				   *result->trust.signer ? result->trust.signer : NULL);
	if (r < 0) {
		mf_json_set_string(o, "code", mf_error_name(r));
		mf_json_set_string(o, "what", failure->what);
		mf_json_set_string(o, "why", failure->why);
	}
	mf_json_add(list, o);
}

static int refresh_one(struct cmd *cmd, const struct mf_repo *repo, unsigned int flags,
		       struct mf_json *list)
{
	struct mf_refresh_result result = { 0 };
	int r = mf_refresh(&cmd->ctx, repo, flags, &result);

	if (cmd->json)
		refresh_report(list, repo->id, r, &result, &cmd->ctx.failure);
	else if (r > 0 && !cmd->quiet)
		cmd_line("%s: unchanged", repo->id);
	else if (!r && !cmd->quiet)
		cmd_line("%s: %zu packages%s%s", repo->id, result.packages,
			 *result.trust.signer ? ", signed by " : "", result.trust.signer);
	return r;
}

static const struct mf_repo_fault *find_fault(const struct mf_repos *repos, const char *id)
{
	for (size_t i = 0; i < repos->n_faults; i++)
		if (repos->faults[i].id && !strcmp(repos->faults[i].id, id))
			return &repos->faults[i];
	return NULL;
}

static int check_names(struct cmd *cmd, const struct mf_repos *repos, int n, char **names)
{
	for (int i = 0; i < n; i++)
		if (find_fault(repos, names[i]))
			return mf_repo_fault_fail(&cmd->ctx, find_fault(repos, names[i]));
		else if (!mf_repos_find(repos, names[i]))
			return mf_fail(&cmd->ctx, "refresh", -MFE_NOT_FOUND, names[i],
				       "no repository of that id is configured");
	return 0;
}

static bool named(const struct mf_repo *repo, int n, char **names)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(repo->id, names[i]))
			return true;
	return !n && repo->enabled;
}

/* What cannot be used although it is enabled was not refreshed; which, a warning has said. */
static int refresh_faults(struct cmd *cmd, const struct mf_repos *repos, struct mf_json *list)
{
	int r = 0;

	for (size_t i = 0; i < repos->n_faults; i++) {
		const struct mf_repo_fault *fault = &repos->faults[i];

		if (!fault->enabled)
			continue;
		r = mf_repo_fault_fail(&cmd->ctx, fault);
		if (cmd->json && fault->id)
			refresh_report(list, fault->id, r, NULL, &cmd->ctx.failure);
	}
	return r;
}

static int refresh_all(struct cmd *cmd, const struct mf_repos *repos, unsigned int flags, int n,
		       char **names, struct mf_json *list)
{
	int r, worst = 0, fresh = 0, asked = 0;
	struct mf_failure why = { 0 };

	for (size_t i = 0; i < repos->n; i++) {
		if (!named(&repos->v[i], n, names))
			continue;
		asked++;
		r = refresh_one(cmd, &repos->v[i], flags, list);
		fresh += r == 0;
		if (r >= 0)
			continue;
		/* the last failure is main()'s to say, the one before it is said now */
		if (worst < 0)
			mf_log(&cmd->ctx, MF_LOG_ERROR, "%s: %s: %s [%s]", why.stage, why.what,
			       why.why, mf_error_name(worst));
		worst = r;
		why = cmd->ctx.failure;
	}
	if (!asked)
		return mf_repos_check_any(&cmd->ctx, repos);
	if (worst < 0) {
		cmd->ctx.failure = why;
		return worst;
	}
	r = n ? 0 : refresh_faults(cmd, repos, list);
	if (r < 0)
		return r;
	return fresh ? CMD_DONE : CMD_NOTHING;
}

static int refresh_go(struct cmd *cmd, const struct mf_repos *repos, unsigned int flags, int n,
		      char **names)
{
	struct mf_json *list = mf_json_array(), *o;
	int r = refresh_all(cmd, repos, flags, n, names, list);

	if (!cmd->json || !mf_json_length(list)) {
		mf_json_free(list);
		return r;
	}
	o = mf_json_object();
	mf_json_set(o, "repositories", list);
	cmd_json(o, true);
	mf_json_free(o);
	return r;
}

/* What can be fetched now, modprobe is to know; and what no repository has any more. */
static int tell_modprobe(struct cmd *cmd, int r)
{
	struct mf_failure why = cmd->ctx.failure;
	int told = mf_stubs_update(&cmd->ctx);

	if (r >= 0 && told < 0)
		return told;
	cmd->ctx.failure = why;
	return r;
}

/* What was set aside may fare better with what has come. */
static int revive(struct cmd *cmd, int r)
{
	struct mf_failure why = cmd->ctx.failure;
	int revived = mf_aside_retry(&cmd->ctx, false);

	if (revived > 0)
		mf_log(&cmd->ctx, MF_LOG_INFO,
		       "%d devices that were set aside are tried again by modfetch.service, or "
		       "modfetch queue",
		       revived);
	if (r >= 0 && revived < 0)
		return revived;
	cmd->ctx.failure = why;
	return r;
}

int cmd_refresh(struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "force", no_argument, NULL, MF_REFRESH_FORCE },
		{ "accept-older", no_argument, NULL, MF_REFRESH_OLDER },
		{ "accept-identity", no_argument, NULL, MF_REFRESH_IDENTITY },
		{ 0 },
	};
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	_cleanup_close_ int lock = -1;
	unsigned int flags = 0;
	int c, r;

	while ((c = getopt_long(argc, argv, "f", options, NULL)) != -1) {
		if (c == '?')
			return cmd_usage(cmd, "refresh",
					 "it takes --force, --accept-older, --accept-identity and "
					 "ids of repositories");
		flags |= c == 'f' ? MF_REFRESH_FORCE : (unsigned int)c;
	}
	if ((flags & (MF_REFRESH_OLDER | MF_REFRESH_IDENTITY)) && optind == argc)
		return cmd_usage(
			cmd, "refresh",
			"--accept-older and --accept-identity need the id of a repository");
	if (cmd->dry_run)
		return cmd_usage(cmd, "refresh", "it cannot be done dry");
	r = mf_repos_read(&cmd->ctx, &repos);
	if (!r)
		r = check_names(cmd, &repos, argc - optind, argv + optind);
	if (r < 0)
		return r;
	lock = mf_lock(&cmd->ctx);
	if (lock < 0)
		return lock;
	r = refresh_go(cmd, &repos, flags, argc - optind, argv + optind);
	return revive(cmd, tell_modprobe(cmd, r));
}

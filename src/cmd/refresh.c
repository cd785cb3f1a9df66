/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * refresh: the metadata of all enabled repositories, or of those named. One that fails does not
 * keep the others; the status tells of the worst.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include "src/cmd/cmd.h"
#include "modfetch/cleanup.h"
#include "modfetch/lock.h"
#include "modfetch/refresh.h"

static int refresh_one(struct cmd *cmd, const struct mf_repo *repo, bool force)
{
	struct mf_refresh_result result;
	int r = mf_refresh(&cmd->ctx, repo, force, &result);

	if (r < 0 || cmd->quiet)
		return r;
	if (r > 0)
		printf("%s: unchanged\n", repo->id);
	else
		printf("%s: %zu packages%s%s\n", repo->id, result.packages,
		       *result.trust.signer ? ", signed by " : "", result.trust.signer);
	return r;
}

static int check_names(struct cmd *cmd, const struct mf_repos *repos, int n, char **names)
{
	for (int i = 0; i < n; i++)
		if (!mf_repos_find(repos, names[i]))
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

static int refresh_all(struct cmd *cmd, const struct mf_repos *repos, bool force, int n,
		       char **names)
{
	int r, worst = 0, fresh = 0, asked = 0;
	struct mf_failure why = {0};

	for (size_t i = 0; i < repos->n; i++) {
		if (!named(&repos->v[i], n, names))
			continue;
		asked++;
		/* an earlier failure is said now; the last one is main()'s to say */
		if (worst < 0)
			mf_log(&cmd->ctx, MF_LOG_ERROR, "%s: %s: %s [%s]", why.stage, why.what,
			       why.why, mf_error_name(worst));
		r = refresh_one(cmd, &repos->v[i], force);
		if (r < 0) {
			worst = r;
			why = cmd->ctx.failure;
		}
		fresh += r == 0;
	}
	if (!asked)
		return mf_fail(&cmd->ctx, "refresh", -MFE_NO_REPOSITORY, "/etc/modfetch/repos.d",
			       NULL);
	if (worst < 0) {
		cmd->ctx.failure = why;
		return worst;
	}
	return fresh ? CMD_DONE : CMD_NOTHING;
}

int cmd_refresh(struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = {{"force", no_argument, NULL, 'f'}, {0}};
	_cleanup_(mf_repos_done) struct mf_repos repos = {0};
	_cleanup_close_ int lock = -1;
	bool force = false;
	int c, r;

	while ((c = getopt_long(argc, argv, "f", options, NULL)) != -1) {
		if (c != 'f')
			return cmd_usage(cmd, "refresh",
					 "it takes --force and ids of repositories");
		force = true;
	}
	r = mf_repos_read(&cmd->ctx, &repos);
	if (!r)
		r = check_names(cmd, &repos, argc - optind, argv + optind);
	if (r < 0)
		return r;
	lock = mf_lock(&cmd->ctx);
	return lock < 0 ? lock : refresh_all(cmd, &repos, force, argc - optind, argv + optind);
}

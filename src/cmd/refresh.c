/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * refresh: the metadata of all enabled repositories, or of those named. A failure of one does not
 * stop the others; each failure is reported, and the exit status is that of the last. Holds the
 * lock all the time, so that no run resolves with a half-refreshed set.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/advisory.h"
#include "modfetch/cache.h"
#include "modfetch/catalog.h"
#include "modfetch/cleanup.h"
#include "modfetch/drain.h"
#include "modfetch/file.h"
#include "modfetch/json.h"
#include "modfetch/refresh.h"
#include "modfetch/strings.h"
#include "modfetch/stubs.h"
#include "modfetch/upkeep.h"
#include "modfetch/usage.h"
#include "cmd.h"

/* The number of advisories about packages of a repository; the next refresh reports a damaged list. */
static size_t count_advisories(struct cmd *cmd, const char *id)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved =
		mf_failure_save(&cmd->ctx);
	struct mf_advisories *advisories = NULL;
	size_t n = 0;

	if (!mf_advisories_read(&cmd->ctx, id, &advisories))
		n = mf_advisories_count(advisories);
	mf_advisories_free(advisories);
	return n;
}

/* Adds the result of one repository, for --json. */
static void refresh_report(struct cmd *cmd, struct mf_json *list, const char *id, int r,
			   const struct mf_refresh_result *result, const struct mf_failure *failure)
{
	_cleanup_(mf_served_done) struct mf_served served = cmd_served(cmd, id);
	struct mf_json *o = mf_json_object();

	mf_json_set_string(o, "id", id);
	mf_json_set_string(o, "state", r < 0 ? "failed" : r ? "unchanged" : "refreshed");
	if (!r)
		mf_json_set_int(o, "packages", (int64_t)result->content.packages);
	if (!r)
		mf_json_set_int(o, "without_alias", (int64_t)result->content.hidden);
	if (r >= 0)
		mf_json_set_int(o, "advisories", (int64_t)count_advisories(cmd, id));
	if (r >= 0)
		mf_json_set_string(o, "signer",
				   *result->trust.signer ? result->trust.signer : NULL);
	if (r < 0) {
		mf_json_set_string(o, "code", mf_error_name(r));
		mf_json_set_string(o, "what", failure->what);
		mf_json_set_string(o, "why", failure->why);
	}
	cmd_set_served(o, &served);
	mf_json_add(list, o);
}

static void refresh_print(struct cmd *cmd, const char *id, int r,
			  const struct mf_refresh_result *result)
{
	_cleanup_(mf_served_done) struct mf_served served = cmd_served(cmd, id);
	_cleanup_free_ char *kernels = mf_served_describe(&served);

	size_t advisories = r > 0 ? 0 : count_advisories(cmd, id);

	if (r > 0)
		cmd_put("%s: unchanged", id);
	else
		cmd_put("%s: %zu packages%s%s", id, result->content.packages,
			*result->trust.signer ? ", signed by " : "", result->trust.signer);
	if (advisories)
		cmd_put(", %zu advisories", advisories);
	cmd_line("; kernels: %s", kernels ? kernels : "");
	if (result->content.hidden)
		cmd_line("%s: %zu driver package%s %s no alias, so no device finds %s: %s%s; run: "
			 "modfetch install NAME",
			 id, result->content.hidden, result->content.hidden > 1 ? "s" : "",
			 result->content.hidden > 1 ? "have" : "has",
			 result->content.hidden > 1 ? "them" : "it", result->content.hidden_first,
			 result->content.hidden > 1 ? ", …" : "");
}

/* Keys of a .repo file that zypper or dnf acts on, or nothing does, and modfetch does not. */
static void report_unused(struct cmd *cmd, const struct mf_repo *repo)
{
	_cleanup_free_ char *list = NULL;

	for (size_t i = 0; i < repo->unused.n; i++) {
		char *longer =
			mf_format("%s%s%s", list ? list : "", list ? ", " : "", repo->unused.v[i]);

		free(list);
		list = longer;
	}
	/* not each day by the timer */
	if (list && !cmd->ctx.unattended)
		mf_log(&cmd->ctx, MF_LOG_WARNING,
		       "refresh: %s: keys in /etc/modfetch/repos.d/%s have no effect: %s; see "
		       "modfetch-repo(5)",
		       repo->id, repo->file, list);
}

static int refresh_one(struct cmd *cmd, const struct mf_repo *repo, unsigned int flags,
		       struct mf_json *list)
{
	struct mf_refresh_result result = { 0 };
	int r = mf_refresh(&cmd->ctx, repo, flags, &result);

	if (cmd->json)
		refresh_report(cmd, list, repo->id, r, &result, &cmd->ctx.failure);
	else if (r >= 0 && !cmd->quiet)
		refresh_print(cmd, repo->id, r, &result);
	return r;
}

static int check_names(struct cmd *cmd, const struct mf_repos *repos, int n, char **names)
{
	for (int i = 0; i < n; i++)
		if (!mf_repos_find(repos, names[i]))
			return mf_repos_not_found(&cmd->ctx, repos, names[i]);
	return 0;
}

static bool has_metadata(const struct cmd *cmd, const struct mf_repo *repo)
{
	_cleanup_close_ int fd = mf_cache_open(&cmd->ctx, repo->id, NULL);

	return fd >= 0;
}

static bool is_selected(const struct cmd *cmd, const struct mf_repo *repo, int n, char **names)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(repo->id, names[i]))
			return true;
	if (cmd->ctx.unattended && repo->never_expires && has_metadata(cmd, repo))
		return false;
	return !n && repo->enabled;
}

/*
 * Fails for enabled repositories that cannot be used and were not refreshed; a warning has named
 * each.
 */
static int refresh_faults(struct cmd *cmd, const struct mf_repos *repos, struct mf_json *list)
{
	int r = 0;

	for (size_t i = 0; i < repos->n_faults; i++) {
		const struct mf_repo_fault *fault = &repos->faults[i];

		if (!fault->enabled)
			continue;
		r = mf_repo_fault_fail(&cmd->ctx, fault);
		if (cmd->json && fault->id)
			refresh_report(cmd, list, fault->id, r, NULL, &cmd->ctx.failure);
	}
	return r;
}

/* skip_if_unavailable=1: it is reported and no failure, unless what came was refused. */
static bool is_passed_over(struct cmd *cmd, const struct mf_repo *repo, int r)
{
	bool unavailable = r == -MFE_UNREACHABLE || r == -MFE_TIMEOUT || r == -MFE_PORTAL ||
			   r == -MFE_HTTP_STATUS || r == -MFE_TRUNCATED;

	if (!repo->skip_if_unavailable || !unavailable)
		return false;
	mf_log(&cmd->ctx, MF_LOG_WARNING, "refresh: %s: skipped: %s: %s", repo->id,
	       cmd->ctx.failure.what, cmd->ctx.failure.why);
	return true;
}

static int refresh_all(struct cmd *cmd, const struct mf_repos *repos, unsigned int flags, int n,
		       char **names, struct mf_json *list)
{
	int r, worst = 0, refreshed = 0, selected = 0;
	struct mf_failure why = { 0 };

	for (size_t i = 0; i < repos->n; i++) {
		if (!is_selected(cmd, &repos->v[i], n, names))
			continue;
		selected++;
		report_unused(cmd, &repos->v[i]);
		r = refresh_one(cmd, &repos->v[i], flags, list);
		refreshed += r == 0;
		if (r >= 0 || is_passed_over(cmd, &repos->v[i], r))
			continue;
		/* main() prints the last failure; the one before it is printed now */
		if (worst < 0)
			mf_log(&cmd->ctx, MF_LOG_ERROR, "%s: %s: %s [%s]", mf_stage_name(why.stage),
			       why.what, why.why, mf_error_name(worst));
		worst = r;
		why = cmd->ctx.failure;
	}
	if (!selected) {
		r = mf_repos_check_any(&cmd->ctx, repos);
		return r < 0 ? r : CMD_NOTHING;
	}
	if (worst < 0) {
		cmd->ctx.failure = why;
		return worst;
	}
	r = n ? 0 : refresh_faults(cmd, repos, list);
	if (r < 0)
		return r;
	return refreshed ? CMD_DONE : CMD_NOTHING;
}

static int refresh_and_print(struct cmd *cmd, const struct mf_repos *repos, unsigned int flags,
			     int n, char **names)
{
	struct mf_json *list = mf_json_array(), *o;
	int r = refresh_all(cmd, repos, flags, n, names, list);

	if (!cmd->json || !mf_json_length(list)) {
		mf_json_free(list);
		return r;
	}
	o = mf_json_object();
	mf_json_set(o, "repositories", list);
	mf_json_set_bool(o, "changed", r == CMD_DONE);
	if (r < 0)
		cmd_json_error(cmd, o);
	cmd_json(cmd, o, true);
	mf_json_free(o);
	return r;
}

/* Updates the stubs for modprobe to the drivers that repositories have now. */
static int update_stubs(struct cmd *cmd, int r)
{
	struct mf_failure why = cmd->ctx.failure;
	int updated = mf_stubs_update(&cmd->ctx);

	if (r >= 0 && updated < 0)
		return updated;
	cmd->ctx.failure = why;
	return r;
}

/* Schedules the devices that were set aside again: new packages may work for them. */
static int retry_set_aside(struct cmd *cmd, int r)
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

int cmd_use_new_metadata(struct cmd *cmd)
{
	_cleanup_close_ int lock = -1;
	int r;

	/* an image without a kernel has no devices to fetch drivers for */
	if (!cmd->ctx.kernel)
		return 0;
	lock = mf_lock(&cmd->ctx);
	r = lock < 0 ? lock : retry_set_aside(cmd, update_stubs(cmd, 0));
	if (r < 0)
		return r;
	mf_installed_refresh(&cmd->ctx);
	close(mf_steal_fd(&lock));
	(void)mf_kernels_retry(&cmd->ctx);
	return 0;
}

/* Notes which packaged drivers are in use now. */
static void record_usage(struct cmd *cmd)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved =
		mf_failure_save(&cmd->ctx);
	_cleanup_(mf_usage_done) struct mf_usage usage = { 0 };

	if (mf_usage_read(&cmd->ctx, true, &usage) < 0)
		mf_log(&cmd->ctx, MF_LOG_INFO, "the use of drivers is not recorded: %s: %s",
		       cmd->ctx.failure.what, cmd->ctx.failure.why);
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
					 "the options are --force, --accept-older and "
					 "--accept-identity; other words are ids of repositories");
		flags |= c == 'f' ? MF_REFRESH_FORCE : (unsigned int)c;
	}
	if ((flags & (MF_REFRESH_OLDER | MF_REFRESH_IDENTITY)) && optind == argc)
		return cmd_usage(
			cmd, "refresh",
			"--accept-older and --accept-identity need the id of a repository");
	if (cmd->dry_run)
		return cmd_usage(cmd, "refresh", "there is no dry run of it; leave out --dry-run");
	r = mf_repos_read(&cmd->ctx, &repos);
	if (!r)
		r = check_names(cmd, &repos, argc - optind, argv + optind);
	if (r < 0)
		return r;
	lock = mf_lock(&cmd->ctx);
	if (lock < 0)
		return lock;
	r = refresh_and_print(cmd, &repos, flags, argc - optind, argv + optind);
	r = retry_set_aside(cmd, update_stubs(cmd, r));
	/* thousands of headers of the rpm database take longer to read than a driver to arrive */
	if (r >= 0)
		mf_installed_refresh(&cmd->ctx);
	close(mf_steal_fd(&lock));
	if (r >= 0)
		(void)mf_kernels_retry(&cmd->ctx);
	/* the timer's: an admin who calls it need not wait for the rpm database */
	if (cmd->ctx.unattended)
		record_usage(cmd);
	if (cmd->ctx.unattended && r >= 0) {
		int updated = cmd_update_by_policy(cmd);

		r = updated < 0 ? updated : updated == CMD_DONE ? CMD_DONE : r;
		cmd_prefetch_all(cmd);
	}
	return r;
}

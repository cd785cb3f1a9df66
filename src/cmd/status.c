/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * status: kernels, repositories, and devices → modules → packages → drivers. Changes nothing. Devices
 * without any known driver are listed only with --json or -v, since every machine has dozens of
 * them. The devices are printed even if there is no repository.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "modfetch/cache.h"
#include "modfetch/cleanup.h"
#include "modfetch/drain.h"
#include "modfetch/history.h"
#include "modfetch/pending-loads.h"
#include "modfetch/strings.h"
#include "modfetch/trust.h"
#include "modfetch/want.h"
#include "update.h"

/*
 * The time when the metadata in use was signed; 0: unsigned, or there is none. The state is *not*
 * verified here.
 */
static int64_t signed_at(struct cmd *cmd, const struct mf_repo *repo,
			 struct mf_repo_state *ret_state)
{
	struct mf_failure before = cmd->ctx.failure;

	*ret_state = (struct mf_repo_state){ 0 };
	/* the next refresh reports a damaged state */
	if (repo->trust != MF_TRUST_NONE && mf_repo_state_read(&cmd->ctx, repo->id, ret_state) < 0)
		cmd->ctx.failure = before;
	return ret_state->used.signing_time;
}

static void set_age(struct cmd *cmd, const struct mf_repo *repo, struct mf_json *o)
{
	struct mf_repo_state state;
	int64_t at = signed_at(cmd, repo, &state);
	int64_t age = at ? mf_trust_seconds_since(at, time(NULL)) : -1;

	if (!at)
		return;
	mf_json_set_int(o, "signed", at);
	mf_json_set_string(o, "identity", *state.identity ? state.identity : NULL);
	mf_json_set_string(o, "signer", state.used.signer);
	if (age >= 0) {
		mf_json_set_int(o, "age_days", age / 86400);
		mf_json_set_bool(o, "stale", age / 86400 > cmd->ctx.settings.max_age_days);
	}
}

/* Prints age and signer at the end of the line of a repository. */
static void print_age(struct cmd *cmd, const struct mf_repo *repo)
{
	struct mf_repo_state state;
	int64_t at = signed_at(cmd, repo, &state);
	int64_t age = at ? mf_trust_seconds_since(at, time(NULL)) : -1;
	int64_t days = age / 86400;

	if (age >= 0)
		cmd_put(", signed %lld days ago by %s%s", (long long)days, state.used.signer,
			days > cmd->ctx.settings.max_age_days ? ", TOO OLD for unattended use"
							      : "");
	if (at && *state.identity)
		cmd_put(", identity \"%s\"", state.identity);
	else if (at)
		cmd_put(", no identity");
}

/* The base URLs without their passwords. */
static struct mf_json *public_urls(const struct mf_repo *repo)
{
	struct mf_json *list = mf_json_array();

	for (size_t i = 0; i < repo->baseurls.n; i++) {
		_cleanup_free_ char *url = mf_secret_hide_copy(repo->baseurls.v[i]);

		mf_json_add_string(list, url ? url : "");
	}
	return list;
}

static struct mf_json *repositories(struct cmd *cmd, const struct mf_repos *repos)
{
	struct mf_json *list = mf_json_array();

	for (size_t i = 0; i < repos->n; i++) {
		const struct mf_repo *repo = &repos->v[i];
		struct mf_json *o = mf_json_object();
		struct mf_served served;
		_cleanup_close_ int cache = mf_cache_open(&cmd->ctx, repo->id, NULL);

		mf_json_set_string(o, "id", repo->id);
		mf_json_set_bool(o, "enabled", repo->enabled);
		mf_json_set_int(o, "priority", repo->priority);
		mf_json_set_string(o, "trust", repo->trust == MF_TRUST_NONE ? "none" : "signed");
		mf_json_set(o, "baseurl", public_urls(repo));
		mf_json_set_bool(o, "metadata", cache >= 0);
		served = cmd_served(cmd, repo->id);
		cmd_set_served(o, &served);
		mf_served_done(&served);
		set_age(cmd, repo, o);
		mf_json_add(list, o);
	}
	return list;
}

/* Entries of repos.d that cannot be used. */
static struct mf_json *faults(const struct mf_repos *repos)
{
	struct mf_json *list = mf_json_array();

	for (size_t i = 0; i < repos->n_faults; i++) {
		const struct mf_repo_fault *fault = &repos->faults[i];
		struct mf_json *o = mf_json_object();

		mf_json_set_string(o, "id", fault->id);
		mf_json_set_bool(o, "enabled", fault->enabled);
		mf_json_set_string(o, "where", fault->where);
		mf_json_set_string(o, "why", fault->why);
		mf_json_add(list, o);
	}
	return list;
}

static struct mf_json *crashed(const struct mf_pending_loads *attempts)
{
	struct mf_json *list = mf_json_array();

	for (size_t i = 0; i < attempts->n; i++) {
		const struct mf_pending_load *a = &attempts->v[i];
		struct mf_json *o = mf_json_object();

		mf_json_set_string(o, "module", a->module);
		mf_json_set_string(o, "kernel", a->kernel);
		mf_json_set_string(o, "for", a->subject);
		mf_json_set_string(o, "boot", a->boot);
		mf_json_set_string(o, "sha256", a->digest);
		mf_json_add(list, o);
	}
	return list;
}

static void print_crashed(const struct mf_pending_loads *attempts)
{
	for (size_t i = 0; i < attempts->n; i++)
		cmd_line("%s BROUGHT THE MACHINE DOWN when it was loaded for %s (kernel %s); to "
			 "have "
			 "it loaded again: modfetch allow %s",
			 attempts->v[i].module, attempts->v[i].subject, attempts->v[i].kernel,
			 attempts->v[i].module);
}

/* The queries that crashed modfetch itself; they wait for a change. */
static struct mf_json *status_set_aside(const struct mf_aside *aside)
{
	struct mf_json *list = mf_json_array();

	for (size_t i = 0; i < aside->n; i++) {
		const struct mf_aside_entry *a = &aside->v[i];
		struct mf_json *o = mf_json_object();

		mf_json_set_string(o, "query", a->entry.modalias);
		mf_json_set_strings(o, "devices", &a->entry.devpaths);
		mf_json_set_int(o, "since", a->since);
		mf_json_set_bool(o, "due", a->due);
		mf_json_set_string(o, "code", mf_error_name(-MFE_SET_ASIDE));
		mf_json_add(list, o);
	}
	return list;
}

static void status_print_aside(const struct mf_aside *aside)
{
	for (size_t i = 0; i < aside->n; i++) {
		char words[160];

		mf_aside_describe(&aside->v[i], words, sizeof(words));
		cmd_line("%s: %s", aside->v[i].entry.modalias, words);
	}
}

static int status_print_json(struct cmd *cmd, const struct mf_run *run,
			     const struct mf_repos *repos, const struct mf_pending_loads *attempts,
			     const struct mf_aside *aside, const struct cmd_kernels *kernels)
{
	struct mf_json *o = mf_record_plan(&cmd->ctx, run);
	struct mf_json *results = mf_json_get(o, "results");
	int r;

	for (size_t i = 0; i < run->wants.n; i++)
		mf_json_set_string(mf_json_at(results, i), "driver", run->wants.v[i].driver);
	mf_json_set(o, "kernels", cmd_kernels_json(kernels));
	mf_json_set(o, "repositories", repositories(cmd, repos));
	mf_json_set(o, "faults", faults(repos));
	mf_json_set(o, "crashed", crashed(attempts));
	mf_json_set(o, "set_aside", status_set_aside(aside));
	r = cmd_trials_add(cmd, o);
	if (!r)
		cmd_json(cmd, o, true);
	mf_json_free(o);
	return r < 0 ? r : CMD_DONE;
}

static void print_served(struct cmd *cmd, const char *id)
{
	_cleanup_(mf_served_done) struct mf_served served = cmd_served(cmd, id);
	_cleanup_free_ char *kernels = mf_served_describe(&served);

	cmd_put("; kernels: %s", kernels ? kernels : "");
}

static void print_repos(struct cmd *cmd, const struct mf_repos *repos)
{
	for (size_t i = 0; i < repos->n; i++) {
		const struct mf_repo *repo = &repos->v[i];
		_cleanup_close_ int cache = mf_cache_open(&cmd->ctx, repo->id, NULL);
		_cleanup_free_ char *url =
			mf_secret_hide_copy(repo->baseurls.n ? repo->baseurls.v[0] : "mirrorlist");

		cmd_put("repository %s: %s%s%s, %s", repo->id,
			repo->enabled ? "enabled" : "disabled",
			cache < 0 ? ", no metadata yet" : "",
			repo->trust == MF_TRUST_NONE ? ", NOT SIGNED (trust=none)" : "",
			url ? url : "");
		print_age(cmd, repo);
		if (cache >= 0)
			print_served(cmd, repo->id);
		cmd_line("%s", "");
	}
	for (size_t i = 0; i < repos->n_faults; i++)
		cmd_line("repository %s: NOT USED: %s: %s",
			 repos->faults[i].id ? repos->faults[i].id : "(no id)",
			 repos->faults[i].where, repos->faults[i].why);
}

static void print_devices(struct cmd *cmd, const struct mf_run *run)
{
	size_t silent = 0, driven = 0;

	for (size_t i = 0; i < run->wants.n; i++) {
		const struct mf_want *want = &run->wants.v[i];

		driven += want->driver != NULL;
		if (want->state == MF_UNKNOWN && cmd->ctx.log_level < MF_LOG_DEBUG) {
			silent++;
			continue;
		}
		cmd_line("%s", want->syspath);
		cmd_line("  %s: %s%s%s", mf_state_name(want->state),
			 want->reason ? want->reason : "", want->driver ? "; driver " : "",
			 want->driver ? want->driver : "");
	}
	cmd_line("%zu devices, %zu with a driver; no package or module matches %zu others",
		 run->wants.n, driven, silent);
	if (run->plan.n)
		cmd_line("%zu packages would be installed by: modfetch coldplug", run->plan.n);
}

/* Prints the status without the use of drivers. Returns an exit status, or a recorded failure. */
static int status_print(struct cmd *cmd)
{
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "status", .dry_run = true };
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	_cleanup_(mf_pending_loads_done) struct mf_pending_loads attempts = { 0 };
	_cleanup_(mf_aside_done) struct mf_aside aside = { 0 };
	_cleanup_(cmd_kernels_done) struct cmd_kernels kernels = { 0 };
	int r = mf_repos_read(&cmd->ctx, &repos);

	if (!r)
		r = mf_pending_loads_read(&cmd->ctx, &attempts);
	if (!r)
		r = mf_aside_read(&cmd->ctx, &aside);
	if (!r)
		r = mf_devices_read(&cmd->ctx, NULL, true, &run.wants);
	if (!r)
		r = mf_pipeline_run(&cmd->ctx, &run);
	/* without a repository the devices are still printed */
	if (r < 0 && r != -MFE_NO_REPOSITORY && r != -MFE_NO_METADATA &&
	    (r != -MFE_CONFIG || mf_repos_check_any(&cmd->ctx, &repos) == 0))
		return r;
	for (size_t i = 0; i < run.wants.n; i++)
		run.wants.v[i].driver = mf_device_driver(&cmd->ctx, run.wants.v[i].syspath);
	r = cmd_kernels_read(cmd, &repos, &run.wants, &kernels);
	if (r < 0)
		return r;
	if (cmd->json)
		return status_print_json(cmd, &run, &repos, &attempts, &aside, &kernels);
	cmd_kernels_print(cmd, &kernels);
	print_repos(cmd, &repos);
	print_crashed(&attempts);
	status_print_aside(&aside);
	r = cmd_trials_print(cmd);
	if (r < 0)
		return r;
	print_devices(cmd, &run);
	return CMD_DONE;
}

int cmd_status(struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = { { "usage", no_argument, NULL, 'u' },
						 { "hooks", no_argument, NULL, 'h' },
						 { 0 } };
	bool usage = false, hooks = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return cmd_usage(cmd, "status", "the options are --usage and --hooks");
		usage |= c == 'u';
		hooks |= c == 'h';
	}
	if (optind < argc)
		return cmd_usage(cmd, "status", "unexpected argument %s", argv[optind]);
	if (hooks && !usage)
		return cmd_usage(cmd, "status", "--hooks needs --usage");
	return usage ? cmd_status_usage(cmd, hooks) : status_print(cmd);
}

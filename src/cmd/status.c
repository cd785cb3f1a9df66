/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * status: kernels, repositories with a problem, crashed modules, trials, and the devices in groups
 * (status-devices.c). Changes nothing. --all lists every repository and every device. The devices are
 * printed even if there is no repository.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "modfetch/cache.h"
#include "modfetch/cleanup.h"
#include "modfetch/drain.h"
#include "modfetch/history.h"
#include "modfetch/kept.h"
#include "modfetch/pending-loads.h"
#include "modfetch/rules.h"
#include "modfetch/strings.h"
#include "modfetch/trust.h"
#include "modfetch/want.h"
#include "status-devices.h"
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

/* What is read for a status. */
struct status {
	bool all;
	struct mf_run run;
	struct mf_repos repos;
	struct mf_pending_loads attempts;
	struct mf_aside aside;
	struct cmd_kernels kernels;
	struct mf_updates updates;
	struct cmd_devices devices;
};

static void status_done(struct status *s)
{
	cmd_devices_done(&s->devices);
	mf_updates_done(&s->updates);
	cmd_kernels_done(&s->kernels);
	mf_aside_done(&s->aside);
	mf_pending_loads_done(&s->attempts);
	mf_repos_done(&s->repos);
	mf_run_done(&s->run);
}

static struct mf_json *updates_json(const struct mf_updates *updates)
{
	struct mf_json *list = mf_json_array();

	for (size_t i = 0; i < updates->n; i++) {
		struct mf_json *o = mf_json_object();

		mf_json_set_string(o, "name", updates->v[i].name);
		mf_json_set_string(o, "installed", updates->v[i].installed);
		mf_json_set_string(o, "evr", updates->v[i].evr);
		mf_json_set_string(o, "repo", updates->v[i].repo);
		mf_json_add(list, o);
	}
	return list;
}

static int status_print_json(struct cmd *cmd, const struct status *s)
{
	struct mf_json *o = mf_record_plan(&cmd->ctx, &s->run);
	struct mf_json *results = mf_json_get(o, "results");
	int r;

	for (size_t i = 0; i < s->run.wants.n; i++)
		mf_json_set_string(mf_json_at(results, i), "driver", s->run.wants.v[i].driver);
	cmd_devices_json(&s->devices, results);
	mf_json_set(o, "kernels", cmd_kernels_json(&s->kernels));
	mf_json_set(o, "repositories", repositories(cmd, &s->repos));
	mf_json_set(o, "faults", faults(&s->repos));
	mf_json_set(o, "updates", updates_json(&s->updates));
	mf_json_set(o, "crashed", crashed(&s->attempts));
	mf_json_set(o, "set_aside", status_set_aside(&s->aside));
	r = cmd_trials_add(cmd, o);
	if (!r)
		r = cmd_prefetched_json(cmd, o);
	if (!r)
		r = cmd_build_key_json(cmd, o);
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

/* Does the admin have to look at a repository? */
static bool repo_has_problem(struct cmd *cmd, const struct mf_repo *repo)
{
	_cleanup_close_ int cache = mf_cache_open(&cmd->ctx, repo->id, NULL);
	_cleanup_(mf_served_done) struct mf_served served = { 0 };
	struct mf_repo_state state;
	int64_t at, age;

	if (!repo->enabled)
		return false;
	if (cache < 0 || repo->trust == MF_TRUST_NONE)
		return true;
	served = cmd_served(cmd, repo->id);
	if (!served.loose && !mf_served_has(&served, cmd->ctx.kernel))
		return true;
	at = signed_at(cmd, repo, &state);
	age = at ? mf_trust_seconds_since(at, time(NULL)) : -1;
	return age < 0 || age / 86400 > cmd->ctx.settings.max_age_days;
}

static void print_repo(struct cmd *cmd, const struct mf_repo *repo, bool problem)
{
	_cleanup_close_ int cache = mf_cache_open(&cmd->ctx, repo->id, NULL);
	_cleanup_free_ char *url =
		mf_secret_hide_copy(repo->baseurls.n ? repo->baseurls.v[0] : "mirrorlist");

	cmd_styled(cmd, problem ? CMD_WARNING : CMD_PLAIN, "repository %s", repo->id);
	cmd_put(": %s%s%s, %s", repo->enabled ? "enabled" : "disabled",
		cache >= 0		      ? ""
		: repo->keys.n || repo->trust ? ", no metadata yet (modfetch refresh)"
					      : ", no metadata and no key",
		repo->trust == MF_TRUST_NONE ? ", NOT SIGNED (trust=none)" : "", url ? url : "");
	print_age(cmd, repo);
	if (cache >= 0)
		print_served(cmd, repo->id);
	if (!repo->keys.n && repo->gpgkeys.n && repo->trust == MF_TRUST_SIGNED) {
		_cleanup_free_ char *key = mf_secret_hide_copy(repo->gpgkeys.v[0]);

		cmd_put("; its gpgkey= is not used unasked: modfetch key import %s %s", repo->id,
			key ? key : "");
	}
	cmd_line("%s", "");
}

/* A line for each repository with a problem, and the names of the others; ALL: a line for each. */
static void print_repos(struct cmd *cmd, const struct mf_repos *repos, bool all)
{
	_cleanup_(mf_strings_done) struct mf_strings good = { 0 };

	for (size_t i = 0; i < repos->n; i++) {
		const struct mf_repo *repo = &repos->v[i];
		bool problem = repo_has_problem(cmd, repo);

		if (all || problem)
			print_repo(cmd, repo, problem);
		else if (repo->enabled)
			(void)mf_strings_add(&good, repo->id);
	}
	for (size_t i = 0; i < good.n; i++)
		cmd_put("%s%s", i ? ", " : "repositories in use: ", good.v[i]);
	if (good.n)
		cmd_line("%s", "");
	for (size_t i = 0; i < repos->n_faults; i++) {
		cmd_styled(cmd, CMD_BAD, "repository %s: NOT USED",
			   repos->faults[i].id ? repos->faults[i].id : "(no id)");
		cmd_line(": %s: %s", repos->faults[i].where, repos->faults[i].why);
	}
}

static void rules_cleanup(struct mf_rules **rules)
{
	mf_rules_free(*rules);
}

static void print_updates(const struct cmd *cmd, const struct mf_updates *updates)
{
	struct cmd_table table = { .columns = 3, .flexible = 0 };

	for (size_t i = 0; i < updates->n; i++) {
		const struct mf_update *u = &updates->v[i];

		cmd_table_add(&table, CMD_PLAIN, "%s", u->name);
		cmd_table_add(&table, CMD_PLAIN, "%s -> %s",
			      u->installed ? u->installed : "(not of a package)", u->evr);
		cmd_table_add(&table, CMD_DIM, "%s", u->blocked ? u->blocked : u->repo);
	}
	if (updates->n)
		cmd_line("%zu %s: modfetch update", updates->n,
			 updates->n == 1 ? "update" : "updates");
	cmd_table_print(&cmd->terminal, &table, 2);
}

static int status_print_text(struct cmd *cmd, const struct status *s)
{
	int r;

	cmd_kernels_print(cmd, &s->kernels);
	if (cmd->ctx.kernel_running && !mf_kernel_is_installed(&cmd->ctx, cmd->ctx.kernel))
		cmd_line("the running kernel %s is not installed any more: reboot",
			 cmd->ctx.kernel);
	print_repos(cmd, &s->repos, s->all);
	print_crashed(&s->attempts);
	status_print_aside(&s->aside);
	r = cmd_trials_print(cmd);
	if (!r)
		r = cmd_print_prefetched(cmd);
	if (!r)
		r = cmd_print_build_key(cmd, s->all);
	if (r < 0)
		return r;
	cmd_devices_print(cmd, &s->run, &s->devices, s->all);
	if (s->run.plan.n)
		cmd_line("%zu package%s would be installed by: modfetch coldplug", s->run.plan.n,
			 s->run.plan.n == 1 ? "" : "s");
	print_updates(cmd, &s->updates);
	return CMD_DONE;
}

/*
 * Can there be an update? The search reads all packages, which takes longer than the rest; a machine
 * where modfetch has installed nothing and the admin prefers nothing needs none.
 */
static bool may_have_updates(struct cmd *cmd, const struct status *s)
{
	_cleanup_(mf_kept_done) struct mf_kept kept = { 0 };
	_cleanup_(rules_cleanup) struct mf_rules *rules = NULL;

	if (!s->run.catalog || mf_kept_read(&cmd->ctx, &kept) < 0)
		return false;
	for (size_t i = 0; i < s->repos.n; i++)
		if (s->repos.v[i].enabled && s->repos.v[i].prefer)
			return true;
	/* only root can read the list */
	return kept.n || geteuid() ||
	       (!mf_rules_read(&cmd->ctx, &rules) && mf_rules_any(rules, MF_RULE_PREFER));
}

/* Reads the newer versions; where that is not possible, as without metadata, there are none. */
static void read_updates(struct cmd *cmd, struct status *s)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved =
		mf_failure_save(&cmd->ctx);

	if (may_have_updates(cmd, s))
		(void)mf_updates_find(&cmd->ctx, NULL, &s->updates);
}

static int status_read(struct cmd *cmd, struct status *s)
{
	int r;

	cmd->ctx.lists_repositories = true;
	r = mf_repos_read(&cmd->ctx, &s->repos);
	if (!r)
		r = mf_pending_loads_read(&cmd->ctx, &s->attempts);
	if (!r)
		r = mf_aside_read(&cmd->ctx, &s->aside);
	if (!r)
		r = mf_devices_read(&cmd->ctx, NULL, true, &s->run.wants);
	if (!r)
		r = mf_pipeline_run(&cmd->ctx, &s->run);
	/* without a repository the devices are still printed */
	if (r < 0 && r != -MFE_NO_REPOSITORY && r != -MFE_NO_METADATA &&
	    (r != -MFE_CONFIG || mf_repos_check_any(&cmd->ctx, &s->repos) == 0))
		return r;
	for (size_t i = 0; i < s->run.wants.n; i++)
		s->run.wants.v[i].driver = mf_device_driver(&cmd->ctx, s->run.wants.v[i].syspath);
	read_updates(cmd, s);
	r = cmd_kernels_read(cmd, &s->repos, &s->run.wants, &s->kernels);
	return r < 0 ? r
		     : cmd_devices_read(cmd, &s->run, &s->updates, s->all || cmd->json,
					&s->devices);
}

/* Prints the status without the use of drivers. Returns an exit status, or a recorded failure. */
static int status_print(struct cmd *cmd, bool all)
{
	_cleanup_(status_done) struct status s = {
		.all = all || cmd->ctx.log_level >= MF_LOG_DEBUG,
		.run = { .verb = "status", .dry_run = true },
	};
	int r = status_read(cmd, &s);

	if (r < 0)
		return r;
	return cmd->json ? status_print_json(cmd, &s) : status_print_text(cmd, &s);
}

int cmd_status(struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = { { "usage", no_argument, NULL, 'u' },
						 { "hooks", no_argument, NULL, 'h' },
						 { "all", no_argument, NULL, 'a' },
						 { 0 } };
	bool usage = false, hooks = false, all = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return cmd_usage(cmd, "status",
					 "the options are --all, --usage and --hooks");
		usage |= c == 'u';
		hooks |= c == 'h';
		all |= c == 'a';
	}
	if (optind < argc)
		return cmd_usage(cmd, "status", "unexpected argument %s", argv[optind]);
	if (hooks && !usage)
		return cmd_usage(cmd, "status", "--hooks needs --usage");
	if (all && usage)
		return cmd_usage(cmd, "status", "--all and --usage are two different lists");
	return usage ? cmd_status_usage(cmd, hooks) : status_print(cmd, all);
}

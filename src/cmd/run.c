/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the verbs that run the pipeline: the printed result and the exit status.
 *
 * On a terminal, downloads are shown as one line that is overwritten (terminal.c); in a pipe or the
 * journal there is a line for each package, once the plan is known.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/history.h"
#include "modfetch/pending-loads.h"
#include "modfetch/similar.h"
#include "cmd.h"

/* ---- the plan ---- */

#define PLAN_SHOWN 20 /* packages; of more their number is printed */

static void print_want(const struct mf_want *want)
{
	cmd_put("%s%s%s%s: %s", want->given ? want->given : "", want->given ? " (" : "",
		want->query, want->given ? ")" : "", mf_state_name(want->state));
	if (want->reason)
		cmd_put(", %s", want->reason);
	cmd_line("%s", "");
	for (size_t i = 0; i < want->n_matches; i++) {
		const struct mf_match *m = &want->matches[i];

		if (m->pattern)
			cmd_line("  %s matches %s", m->module, m->pattern);
	}
	if (want->driver)
		cmd_line("  %s is bound to %s", want->syspath, want->driver);
	else if (want->syspath && want->loaded.n)
		cmd_line("  %s is not bound to a driver yet", want->syspath);
}

static void print_items(const struct mf_run *run)
{
	char size[16];

	for (size_t i = 0; i < run->plan.n; i++) {
		const struct mf_plan_item *item = &run->plan.items[i];

		cmd_line("install %s-%s.%s  %s  from %s, %s", item->name, item->evr, item->arch,
			 cmd_bytes(item->size, size),
			 mf_catalog_repos(run->catalog)->v[item->repo].id, item->why);
	}
}

static void print_plan(const struct cmd *cmd, const struct mf_run *run)
{
	bool all = run->plan.n <= PLAN_SHOWN || cmd->ctx.log_level >= MF_LOG_DEBUG;
	char size[16], disk[16];

	if (all)
		print_items(run);
	for (size_t i = 0; i < run->plan.erase.n; i++)
		cmd_line("remove  %s", run->plan.erase.v[i]);
	for (size_t i = 0; i < run->links.n; i++)
		cmd_line("link    %s for kernel %s", run->links.v[i].target,
			 run->links.v[i].kernel);
	if (run->plan.n)
		cmd_line("%zu package%s, %s to fetch, %s on disk%s", run->plan.n,
			 run->plan.n == 1 ? "" : "s", cmd_bytes(run->plan.download, size),
			 cmd_bytes(run->plan.install_size, disk), all ? "" : "; -v lists them");
}

/* Prints a plan that was only made, or the result of a run and, with -v, the plan before it. */
static void print_run(const struct cmd *cmd, const struct mf_run *run, bool changed)
{
	if (cmd->quiet)
		return;
	if (run->dry_run || cmd->ctx.log_level >= MF_LOG_DEBUG) {
		for (size_t i = 0; i < run->wants.n; i++)
			print_want(&run->wants.v[i]);
		print_plan(cmd, run);
	}
	if (!run->dry_run)
		cmd_print_result(cmd, run, changed);
}

/* Where the JSON object of a run goes, and what it has besides. */
struct run_json {
	struct mf_json *list; /* NULL: it is printed */
	const char *key;      /* of EXTRA, or NULL */
	struct mf_json *extra;
};

/* Prints the object of a run, or adds it to a list. R: as from mf_pipeline_run(). */
static void put_json(struct cmd *cmd, const struct mf_run *run, int r, const struct run_json *where)
{
	struct mf_json *o = mf_record_plan(&cmd->ctx, run);

	mf_json_set_bool(o, "changed", r == 0 && !run->dry_run);
	if (where->key)
		mf_json_set(o, where->key, where->extra);
	if (r < 0)
		cmd_json_error(cmd, o);
	if (where->list) {
		mf_json_add(where->list, o);
		return;
	}
	cmd_json(cmd, o, true);
	mf_json_free(o);
}

/* ---- the status ---- */

/* Is it for all devices of a machine, of which some have no driver anywhere? */
static bool is_for_all_devices(const struct mf_run *run)
{
	return !strcmp(run->verb, "coldplug") || !strcmp(run->verb, "media");
}

#define NAME_SHOWN 256 /* bytes of a name in a line, so that the reason and the code fit too */

/* The worst want decides: scripts must see a want that is not found, or refused. */
static int status_of(const struct mf_run *run, int r)
{
	bool refused = false, unknown = false, failed = false;

	for (size_t i = 0; i < run->wants.n; i++) {
		const struct mf_want *want = &run->wants.v[i];

		refused |= want->state == MF_DENIED || want->state == MF_INVALID;
		failed |= want->state == MF_UNKNOWN && want->code;
		unknown |= want->state == MF_UNKNOWN;
		refused |= want->load_error == -MFE_CRASHED;
		failed |= want->load_error && want->load_error != -MFE_CRASHED && !want->loaded.n;
	}
	if (failed)
		return CMD_FAILED;
	if (refused)
		return CMD_REFUSED;
	if (unknown)
		return CMD_NOT_FOUND;
	return r ? CMD_NOTHING : CMD_DONE;
}

static int run_on_module(void *arg, const char *module, const char *package, size_t repo)
{
	(void)package;
	(void)repo;
	mf_similar_offer(arg, module);
	return 0;
}

/* "did you mean igb?", for a word that is no module of the catalog; new memory, or NULL. */
static char *similar_modules(const struct mf_catalog *catalog, const char *word)
{
	_cleanup_(mf_similar_done) struct mf_similar similar = { .word = word };

	(void)mf_catalog_each_module(catalog, run_on_module, &similar);
	return mf_similar_text(&similar);
}

bool cmd_hint_at_similar(struct cmd *cmd, const struct mf_catalog *catalog)
{
	const struct mf_failure f = cmd->ctx.failure;
	_cleanup_free_ char *text = similar_modules(catalog, f.what);

	if (text)
		(void)mf_fail(&cmd->ctx, f.stage, f.code, f.what, "%s; %s", f.why, text);
	return text;
}

/* Adds what the user may try to the failure of a name that nothing has. */
static void hint_at_names(struct cmd *cmd, const struct mf_run *run, int r)
{
	const struct mf_failure f = cmd->ctx.failure;

	if (r != -MFE_NOT_FOUND || f.stage != MF_STAGE_RESOLVE || !run->catalog ||
	    cmd_hint_at_similar(cmd, run->catalog) || !run->selection.install)
		return;
	(void)mf_fail(&cmd->ctx, f.stage, f.code, f.what,
		      "%s; modfetch search finds packages by a part of their name", f.why);
}

/* What the user can do about a want that was not satisfied, as "; …" in new memory; or NULL. */
static char *way_out_of(const struct mf_run *run, const struct mf_want *want, int code)
{
	const char *module = want->n_matches ? want->matches[0].module : want->query;
	_cleanup_free_ char *similar = NULL;

	if (code == -MFE_NOT_FOUND && want->kind == MF_WANT_NAME && run->catalog)
		similar = similar_modules(run->catalog, want->name);
	if (similar)
		return mf_format("; %s", similar);
	if (code != -MFE_DENIED || !want->reason)
		return NULL;
	if (strstr(want->reason, ": the rule "))
		return mf_format("; to permit it: modfetch allow %s", module);
	if (strstr(want->reason, ": a blacklist line "))
		return mf_format("; modfetch probe %s loads it, since a blacklist is not for names",
				 module);
	return NULL;
}

/*
 * Prints a line for each unresolved want; for coldplug, where most devices have no driver in any
 * repository, only for invalid names.
 */
static void report_unresolved(const struct cmd *cmd, const struct mf_run *run)
{
	bool bad_only = is_for_all_devices(run);

	for (size_t i = 0; i < run->wants.n; i++) {
		const struct mf_want *want = &run->wants.v[i];
		int code = mf_want_code(want);
		_cleanup_free_ char *hint = NULL;

		/* the load stage has reported it already */
		if (!code || want->load_error == -MFE_CRASHED ||
		    (bad_only && code != -MFE_BAD_MODALIAS))
			continue;
		hint = bad_only ? NULL : way_out_of(run, want, code);
		mf_log(&cmd->ctx, MF_LOG_ERROR, "match: %s%s%.*s%s: %.512s%s [%s]",
		       bad_only && want->syspath ? want->syspath : "",
		       bad_only && want->syspath ? ": " : "", NAME_SHOWN, want->query,
		       strlen(want->query) > NAME_SHOWN ? "…" : "",
		       want->reason ? want->reason : mf_error_sentence(code), hint ? hint : "",
		       mf_error_name(code));
	}
}

int cmd_clear_crashed(struct cmd *cmd, const char *glob)
{
	_cleanup_(mf_pending_loads_done) struct mf_pending_loads attempts = { 0 };
	_cleanup_close_ int lock = -1;
	int r = mf_pending_loads_read(&cmd->ctx, &attempts);

	if (r < 0 || !(attempts.n || attempts.changed))
		return r;
	lock = mf_lock(&cmd->ctx);
	return lock < 0 ? lock : mf_pending_loads_clear(&cmd->ctx, glob);
}

static int run_and_print(struct cmd *cmd, struct mf_run *run, const struct run_json *where)
{
	int r;

	run->dry_run |= cmd->dry_run;
	run->no_load |= cmd->no_load;
	if (!run->dry_run)
		cmd_ask_for_plan(cmd, run);
	r = mf_pipeline_run(&cmd->ctx, run);
	hint_at_names(cmd, run, r);
	/* a failed plan is an answer too: the object has the reason for each query */
	if (cmd->json)
		put_json(cmd, run, r, where);
	if (r < 0)
		return r;
	cmd->changed |= !r && !run->dry_run;
	if (!cmd->json) {
		print_run(cmd, run, !r);
		report_unresolved(cmd, run);
	}
	/* every machine has devices without any driver: no failure */
	if (is_for_all_devices(run))
		return r ? CMD_NOTHING : CMD_DONE;
	return status_of(run, r);
}

int cmd_run_into(struct cmd *cmd, struct mf_run *run, struct mf_json *list)
{
	return run_and_print(cmd, run, &(const struct run_json){ .list = list });
}

int cmd_run_with(struct cmd *cmd, struct mf_run *run, const char *key, struct mf_json *extra)
{
	return run_and_print(cmd, run, &(const struct run_json){ .key = key, .extra = extra });
}

int cmd_run(struct cmd *cmd, struct mf_run *run)
{
	return run_and_print(cmd, run, &(const struct run_json){ 0 });
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs as JSON. The field names are a contract: scripts read "lookup --json" and the history;
 * fields are added, never renamed. The same functions print the queries of a run, its plan and its
 * results, so that the plan shown before equals the plan in the history.
 */
#include "modfetch/history.h"
#include <string.h>
#include <time.h>
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"

static struct mf_json *result_of(const struct mf_want *want)
{
	struct mf_json *o = mf_json_object(), *modules = mf_json_array();
	struct mf_strings packages = { 0 };

	mf_json_set_string(o, "query", want->query);
	if (want->given)
		mf_json_set_string(o, "given", want->given);
	if (want->syspath)
		mf_json_set_string(o, "device", want->syspath);
	mf_json_set_string(o, "state", mf_state_name(want->state));
	for (size_t i = 0; i < want->n_matches; i++) {
		mf_json_add_string(modules, want->matches[i].module);
		for (size_t j = 0; j < want->matches[i].packages.n; j++)
			(void)mf_strings_add_unique(&packages, want->matches[i].packages.v[j]);
	}
	mf_json_set(o, "modules", modules);
	mf_json_set_strings(o, "packages", &packages);
	mf_json_set_string(o, "reason", want->reason);
	if (mf_want_code(want))
		mf_json_set_string(o, "code", mf_error_name(mf_want_code(want)));
	if (mf_want_crashed(want))
		mf_json_set_string(o, "crashed", mf_want_crashed(want));
	mf_strings_done(&packages);
	return o;
}

static struct mf_json *query_of(const struct mf_want *want)
{
	struct mf_json *o = result_of(want);

	mf_json_set_strings(o, "loaded", &want->loaded);
	if (want->driver)
		mf_json_set_string(o, "driver", want->driver);
	if (want->load_error)
		mf_json_set_string(o, "load_error", mf_error_name(want->load_error));
	if (want->uevent_us)
		mf_json_set_int(o, "uevent_us", (int64_t)want->uevent_us);
	if (want->decided_us)
		mf_json_set_int(o, "decided_us", (int64_t)want->decided_us);
	return o;
}

static struct mf_json *item_of(const struct mf_run *run, const struct mf_plan_item *item)
{
	struct mf_json *o = mf_json_object();

	mf_json_set_string(o, "name", item->name);
	mf_json_set_string(o, "evr", item->evr);
	mf_json_set_string(o, "arch", item->arch);
	mf_json_set_string(o, "repo", mf_catalog_repos(run->catalog)->v[item->repo].id);
	mf_json_set_int(o, "size", (int64_t)item->size);
	mf_json_set_string(o, "source", mf_taken_from_name(item->taken_from));
	return o;
}

static struct mf_json *link_of(const struct mf_link *link)
{
	struct mf_json *o = mf_json_object();

	mf_json_set_string(o, "path", link->path);
	mf_json_set_string(o, "target", link->target);
	mf_json_set_string(o, "package", link->package);
	return o;
}

struct mf_json *mf_record_plan(const struct mf_context *ctx, const struct mf_run *run)
{
	struct mf_json *o = mf_json_object(), *results = mf_json_array();
	struct mf_json *install = mf_json_array(), *links = mf_json_array();

	mf_json_set_string(o, "kernel", ctx->kernel);
	for (size_t i = 0; i < run->wants.n; i++)
		mf_json_add(results, run->dry_run ? result_of(&run->wants.v[i])
						  : query_of(&run->wants.v[i]));
	mf_json_set(o, "results", results);
	for (size_t i = 0; i < run->plan.n; i++) {
		struct mf_json *item = item_of(run, &run->plan.items[i]);

		mf_json_set_string(item, "why", run->plan.items[i].why);
		mf_json_add(install, item);
	}
	mf_json_set(o, "install", install);
	mf_json_set_strings(o, "remove", &run->plan.erase);
	for (size_t i = 0; i < run->links.n; i++)
		mf_json_add(links, link_of(&run->links.v[i]));
	mf_json_set(o, "link", links);
	return o;
}

static struct mf_json *packages_of(const struct mf_run *run)
{
	struct mf_json *packages = mf_json_array();
	char hex[MF_SHA256_HEX];

	for (size_t i = 0; i < run->plan.n; i++) {
		struct mf_json *item = item_of(run, &run->plan.items[i]);

		mf_sha256_hex(run->plan.items[i].sha256, hex);
		mf_json_set_string(item, "sha256", hex);
		if (run->plan.items[i].replaces)
			mf_json_set_string(item, "replaces", run->plan.items[i].replaces);
		mf_json_add(packages, item);
	}
	return packages;
}

/* The milliseconds that each stage took, and the time stamps themselves. */
static void add_times(struct mf_json *o, const struct mf_run *run)
{
	struct mf_json *ms = mf_json_object(), *us = mf_json_object();
	uint64_t before = run->stamp[MF_STARTED];

	mf_json_set_int(us, mf_stamp_name(MF_STARTED), (int64_t)before);
	for (enum mf_stamp s = MF_STARTED + 1; s < MF_N_STAMPS; s++) {
		if (!run->stamp[s])
			continue;
		mf_json_set_int(ms, mf_stamp_name(s), (int64_t)((run->stamp[s] - before) / 1000));
		mf_json_set_int(us, mf_stamp_name(s), (int64_t)run->stamp[s]);
		before = run->stamp[s];
	}
	mf_json_set(o, "ms", ms);
	mf_json_set(o, "us", us);
}

static void add_error(struct mf_json *o, const struct mf_failure *failure)
{
	struct mf_json *e = mf_json_object();

	mf_json_set_string(e, "code", mf_error_name(failure->code));
	mf_json_set_string(e, "stage", mf_stage_name(failure->stage));
	mf_json_set_string(e, "what", failure->what);
	mf_json_set_string(e, "why", failure->why);
	mf_json_set(o, "error", e);
}

bool mf_record_is_refusal(const struct mf_run *run, int result)
{
	bool denied = result == -MFE_DENIED;

	for (size_t i = 0; i < run->wants.n; i++)
		denied |= run->wants.v[i].state == MF_DENIED;
	return denied && (result > 0 || result == -MFE_DENIED);
}

int mf_record_run(struct mf_context *ctx, struct mf_run *run, int result, char **ret_line)
{
	struct mf_json *o = mf_json_object(), *queries = mf_json_array();
	const char *text;
	int r;

	mf_json_set_int(o, "time", (int64_t)time(NULL));
	mf_json_set_string(o, "verb", run->verb);
	mf_json_set_string(o, "kernel", ctx->kernel);
	mf_json_set_string(o, "outcome", result < 0 ? "failed" : result ? "nothing" : "done");
	for (size_t i = 0; i < run->wants.n; i++)
		mf_json_add(queries, query_of(&run->wants.v[i]));
	mf_json_set(o, "queries", queries);
	if (run->catalog)
		mf_json_set(o, result < 0 && !run->scriptlet.code ? "planned" : "packages",
			    packages_of(run));
	if (run->plan.removed.n)
		mf_json_set_strings(o, result < 0 ? "to_remove" : "removed", &run->plan.removed);
	if (run->reason)
		mf_json_set_string(o, "reason", run->reason);
	if (run->undoes)
		mf_json_set_int(o, "undoes", run->undoes);
	add_times(o, run);
	if (result < 0)
		add_error(o, &ctx->failure);
	r = mf_history_add(ctx, o, &run->id);
	text = mf_json_text(o, false);
	*ret_line = text ? strdup(text) : NULL;
	mf_json_free(o);
	return r;
}

void mf_record_end(struct mf_context *ctx, struct mf_run *run, int result, char **ret_line)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);

	if (!mf_record_is_refusal(run, result) && mf_record_run(ctx, run, result, ret_line) < 0)
		mf_log(ctx, MF_LOG_WARNING, "history: %s: %s", ctx->failure.what, ctx->failure.why);
}

void mf_record_log_fetched(const struct mf_context *ctx, const struct mf_run *run,
			   const struct mf_fetched *fetched)
{
	/* an unattended run has a line for each device (report.c) */
	enum mf_log_level level = ctx->unattended ? MF_LOG_DEBUG : MF_LOG_INFO;

	for (size_t i = 0; !ctx->display && i < run->plan.n; i++) {
		const struct mf_plan_item *item = &run->plan.items[i];

		mf_log(ctx, level, "%s %s, %llu bytes, from %s",
		       item->taken_from == MF_TAKEN_FROM_STORE ? "took" : "fetched", item->name,
		       (unsigned long long)fetched[i].size, fetched[i].url);
	}
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fetch-for: from the lists of machines without a network to a driver medium for them.
 *
 * That a device has no driver in any repository is normal, as for coldplug; a name that the admin asked
 * for is not: the exit status says so, after everything else was fetched.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/travel.h"
#include "cmd.h"

struct travel_options {
	struct mf_lists lists;
	struct mf_travel_repo *repos;
	size_t n, room;
	const char *output;
};

static void travel_options_done(struct travel_options *o)
{
	mf_lists_done(&o->lists);
	free(o->repos);
}

/* Each --repo has its --key, before or after it. */
static int add_repo(struct cmd *cmd, struct travel_options *o, const char *url, const char *key)
{
	struct mf_travel_repo *last = o->n ? &o->repos[o->n - 1] : NULL;

	if (!last || (url ? last->url : last->key)) {
		if (last && (!last->url || !last->key))
			return cmd_usage(cmd, "fetch-for",
					 "each --repo URL needs a --key FILE of its own");
		if (mf_array_reserve(&o->repos, &o->room, o->n + 1, sizeof(*o->repos)) < 0)
			return mf_fail(&cmd->ctx, MF_STAGE_LIST, -ENOMEM, "--repo", NULL);
		last = &o->repos[o->n++];
		*last = (struct mf_travel_repo){ 0 };
	}
	if (url)
		last->url = url;
	else
		last->key = key;
	return 0;
}

static int parse_travel_options(struct cmd *cmd, int argc, char **argv, struct travel_options *o)
{
	static const struct option options[] = { { "output", required_argument, NULL, 'o' },
						 { "repo", required_argument, NULL, 'r' },
						 { "key", required_argument, NULL, 'k' },
						 { 0 } };
	int c, r = 0;

	while (!r && (c = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
		if (c == 'o')
			o->output = optarg;
		else if (c == 'r' || c == 'k')
			r = add_repo(cmd, o, c == 'r' ? optarg : NULL, c == 'k' ? optarg : NULL);
		else
			return cmd_usage(cmd, "fetch-for",
					 "the options are --output DIR, --repo URL and --key FILE");
	}
	if (r < 0)
		return r;
	if (o->n && (!o->repos[o->n - 1].url || !o->repos[o->n - 1].key))
		return cmd_usage(cmd, "fetch-for", "each --repo URL needs a --key FILE of its own");
	if (optind >= argc || !o->output)
		return cmd_usage(cmd, "fetch-for",
				 "name a list, as modfetch want prints it, and --output DIR");
	for (; !r && optind < argc; optind++)
		r = mf_lists_read(&cmd->ctx, argv[optind], &o->lists);
	return r;
}

/* ---- the result ---- */

static void travel_print_json(struct cmd *cmd, const struct travel_options *o,
			      const struct mf_travel_result *result)
{
	struct mf_json *object = mf_json_object(), *left = mf_json_array(),
		       *kernels = mf_json_array();

	for (size_t i = 0; i < o->lists.n; i++)
		mf_json_add_string(kernels, o->lists.v[i].kernel);
	for (size_t i = 0; i < result->n_left; i++) {
		struct mf_json *one = mf_json_object();

		mf_json_set_string(one, "query", result->left[i].query);
		mf_json_set_string(one, "reason", result->left[i].reason);
		mf_json_set_bool(one, "asked", result->left[i].asked);
		mf_json_add(left, one);
	}
	mf_json_set_string(object, "output", o->output);
	mf_json_set(object, "kernels", kernels);
	mf_json_set_int(object, "devices", (int64_t)result->devices);
	mf_json_set_strings(object, "packages", &result->labels);
	mf_json_set_int(object, "bytes", (int64_t)result->bytes);
	mf_json_set_int(object, "files_written", (int64_t)result->fetched);
	mf_json_set_int(object, "bytes_written", (int64_t)result->fetched_bytes);
	mf_json_set_int(object, "files_removed", (int64_t)result->removed);
	mf_json_set(object, "left", left);
	mf_json_set_bool(object, "changed", result->changed);
	cmd_json(cmd, object, true);
	mf_json_free(object);
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void print_summary(const struct cmd *cmd, const struct travel_options *o,
			  const struct mf_travel_result *result)
{
	char size[16], written[16];

	if (!result->packages) {
		cmd_line("no package is needed that a repository has%s",
			 result->changed ? "; the files of an earlier run were removed" : "");
		return;
	}
	cmd_bytes(result->bytes, size);
	if (cmd->dry_run)
		cmd_line("%s would have %zu package%s, %s, for %zu device%s", o->output,
			 result->packages, plural(result->packages), size, result->devices,
			 plural(result->devices));
	else if (!result->changed)
		cmd_line("%s has all %zu package%s already, %s, for %zu device%s", o->output,
			 result->packages, plural(result->packages), size, result->devices,
			 plural(result->devices));
	else
		cmd_line("%s has %zu package%s, %s, for %zu device%s; wrote %zu file%s, %s",
			 o->output, result->packages, plural(result->packages), size,
			 result->devices, plural(result->devices), result->fetched,
			 plural(result->fetched), cmd_bytes(result->fetched_bytes, written));
}

static void print_left(const struct cmd *cmd, const struct mf_travel_result *result)
{
	size_t none = 0;

	for (size_t i = 0; i < result->n_left; i++) {
		const struct mf_travel_left *left = &result->left[i];

		if (left->asked || left->has_match)
			mf_log(&cmd->ctx, left->asked ? MF_LOG_ERROR : MF_LOG_WARNING,
			       "list: %.256s: %s [%s]", left->query, left->reason,
			       mf_error_name(left->has_match ? -MFE_UNSOLVABLE : -MFE_NOT_FOUND));
		else
			none++;
		if (!left->asked && !left->has_match && cmd->ctx.log_level >= MF_LOG_DEBUG)
			cmd_line("no driver for %s", left->query);
	}
	if (none && !cmd->quiet)
		cmd_line("%zu device%s ha%s no driver in any repository", none, plural(none),
			 none == 1 ? "s" : "ve");
}

static int travel_status(const struct cmd *cmd, const struct mf_travel_result *result)
{
	bool unknown = false;

	for (size_t i = 0; i < result->n_left; i++) {
		if (result->left[i].has_match)
			return CMD_FAILED;
		unknown |= result->left[i].asked;
	}
	if (unknown)
		return CMD_NOT_FOUND;
	return result->changed || (cmd->dry_run && result->packages) ? CMD_DONE : CMD_NOTHING;
}

int cmd_fetch_for(struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(travel_options_done) struct travel_options o = { 0 };
	_cleanup_(mf_travel_result_done) struct mf_travel_result result = { 0 };
	int r = parse_travel_options(cmd, argc, argv, &o);

	if (r < 0)
		return r;
	r = mf_fetch_for(&cmd->ctx,
			 &(const struct mf_travel){ .lists = &o.lists,
						    .output = o.output,
						    .repos = o.repos,
						    .n_repos = o.n,
						    .dry_run = cmd->dry_run },
			 &result);
	if (r < 0)
		return r;
	if (cmd->json)
		travel_print_json(cmd, &o, &result);
	for (size_t i = 0; !cmd->json && (cmd->dry_run || cmd->ctx.log_level >= MF_LOG_DEBUG) &&
			   i < result.labels.n;
	     i++)
		cmd_line("%s", result.labels.v[i]);
	if (!cmd->json && !cmd->quiet)
		print_summary(cmd, &o, &result);
	if (!cmd->json)
		print_left(cmd, &result);
	return travel_status(cmd, &result);
}

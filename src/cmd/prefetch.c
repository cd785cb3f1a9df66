/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * prefetch: brings the packages that prefetch= names to this machine, before a device needs them.
 *
 * It prints what is new, then one line with what is there. What did not fit, and words without any driver,
 * are lines of the result, since the admin has to decide about them; a package that could not be had is a
 * failure. The timer and kernel-added call it too: there the work is not what was asked for, and its failure
 * is a line in the log.
 */
#include "cmd.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/prefetch.h"

#define LEFT_OUT_SHOWN 8

static void put_names(const struct mf_strings *names)
{
	for (size_t i = 0; i < names->n && i < LEFT_OUT_SHOWN; i++)
		cmd_put("%s%s", i ? ", " : "", names->v[i]);
	if (names->n > LEFT_OUT_SHOWN)
		cmd_put(" and %zu more", names->n - LEFT_OUT_SHOWN);
	cmd_line("%s", "");
}

/* ---- JSON ---- */

static struct mf_json *package_object(const struct mf_prefetch_package *p)
{
	struct mf_json *o = mf_json_object();

	mf_json_set_string(o, "name", p->name);
	mf_json_set_string(o, "evr", p->evr);
	mf_json_set_string(o, "arch", p->arch);
	mf_json_set_string(o, "repo", p->repo);
	mf_json_set_int(o, "size", (int64_t)p->size);
	mf_json_set_string(o, "word", p->words);
	mf_json_set_string(o, "state", mf_prefetch_state_name(p->state));
	return o;
}

static void print_json(struct cmd *cmd, const struct mf_prefetch *p, bool changed, int r)
{
	struct mf_json *o = mf_json_object(), *packages = mf_json_array();

	mf_json_set_string(o, "kernel", cmd->ctx.kernel);
	for (size_t i = 0; i < p->n; i++)
		mf_json_add(packages, package_object(&p->v[i]));
	mf_json_set(o, "packages", packages);
	mf_json_set_int(o, "bytes", (int64_t)p->bytes);
	mf_json_set_int(o, "fetched", (int64_t)p->fetched_bytes);
	mf_json_set_int(o, "limit", (int64_t)cmd->ctx.settings.prefetch_size);
	mf_json_set_strings(o, "left_out", &p->left_out);
	mf_json_set_strings(o, "no_driver", &p->no_driver);
	mf_json_set_int(o, "dropped", (int64_t)p->dropped);
	mf_json_set_bool(o, "changed", changed);
	if (r < 0)
		cmd_json_error(cmd, o);
	cmd_json(cmd, o, true);
	mf_json_free(o);
}

/* ---- text ---- */

static void print_plan(const struct cmd *cmd, const struct mf_prefetch *p)
{
	char size[16];

	for (size_t i = 0; i < p->n && cmd->ctx.log_level >= MF_LOG_DEBUG; i++)
		cmd_line("%s  %s  %s  from %s, for %s", p->v[i].label,
			 mf_prefetch_state_name(p->v[i].state), cmd_bytes(p->v[i].size, size),
			 p->v[i].repo, p->v[i].words);
}

static void print_remarks(const struct cmd *cmd, const struct mf_prefetch *p)
{
	if (p->left_out.n) {
		cmd_put("%zu do not fit into prefetch-size=%llu and are left out: ", p->left_out.n,
			(unsigned long long)(cmd->ctx.settings.prefetch_size >> 20));
		put_names(&p->left_out);
	}
	if (p->no_driver.n) {
		cmd_put("no repository has a driver of %s for: ", cmd->ctx.kernel);
		put_names(&p->no_driver);
	}
}

static void print_missing(const struct cmd *cmd, const struct mf_prefetch *p)
{
	uint64_t bytes = 0;
	char size[16];

	for (size_t i = 0; i < p->n; i++)
		bytes += p->v[i].state == MF_PREFETCH_MISSING ? p->v[i].size : 0;
	if (p->n_missing)
		cmd_line("%zu of %zu packages for %s are missing, %s to fetch", p->n_missing, p->n,
			 cmd->ctx.kernel, cmd_bytes(bytes, size));
}

static void print_there(const struct cmd *cmd, const struct mf_prefetch *p, const char *lead)
{
	char size[16];

	cmd_line("%s%zu package%s (%s) for %s", lead, p->n, p->n == 1 ? "" : "s",
		 cmd_bytes(p->bytes, size), cmd->ctx.kernel);
}

static void print_summary(const struct cmd *cmd, const struct mf_prefetch *p, bool plan_only)
{
	char size[16];

	if (p->n_missing)
		print_missing(cmd, p);
	else if (p->n_fetched)
		cmd_line("prefetched %zu package%s (%s) for %s; %zu %s there", p->n_fetched,
			 p->n_fetched == 1 ? "" : "s", cmd_bytes(p->fetched_bytes, size),
			 cmd->ctx.kernel, p->n, p->n == 1 ? "is" : "are");
	else if (p->n)
		print_there(cmd, p, plan_only ? "complete: " : "all was there: ");
	else if (!p->no_driver.n && !p->left_out.n)
		cmd_line("all drivers that prefetch= names for %s are installed", cmd->ctx.kernel);
	if (p->dropped)
		cmd_line("dropped %zu older or unwanted package%s", p->dropped,
			 p->dropped == 1 ? "" : "s");
}

static void print_text(const struct cmd *cmd, const struct mf_prefetch *p, bool plan_only)
{
	const char *words = cmd->ctx.settings.prefetch;

	print_plan(cmd, p);
	print_remarks(cmd, p);
	if (words && *words)
		print_summary(cmd, p, plan_only);
	else if (p->dropped)
		cmd_line("dropped %zu prefetched packages, since prefetch= names nothing",
			 p->dropped);
	else
		cmd_line("nothing is prefetched: prefetch= in /etc/modfetch/modfetch.conf names "
			 "nothing");
}

/* ---- the verb ---- */

static int remove_all(struct cmd *cmd)
{
	_cleanup_(mf_strings_done) struct mf_strings done = { 0 };
	_cleanup_free_ char *line = NULL;
	size_t dropped = 0;
	int r = mf_prefetch_remove(&cmd->ctx, &dropped);

	if (r < 0)
		return r;
	if (!dropped)
		return cmd_nothing(cmd, "prefetch", "no package was prefetched");
	line = mf_format("removed %zu prefetched package%s", dropped, dropped == 1 ? "" : "s");
	if (!line || mf_strings_add(&done, line) < 0)
		return mf_fail(&cmd->ctx, MF_STAGE_COMMAND, -ENOMEM, "prefetch", NULL);
	cmd_print_done(cmd, "prefetch", &done);
	return CMD_DONE;
}

static int prefetch(struct cmd *cmd, bool plan_only)
{
	_cleanup_(mf_prefetch_done) struct mf_prefetch result = { 0 };
	int r = mf_prefetch(&cmd->ctx, plan_only, &result);
	bool changed = !plan_only && (result.n_fetched || result.dropped);

	cmd->changed |= changed;
	if (cmd->json)
		print_json(cmd, &result, changed, r);
	else if (!cmd->quiet && (r >= 0 || result.n))
		print_text(cmd, &result, plan_only);
	if (r < 0)
		return r;
	if (result.no_driver.n && !result.n)
		return CMD_NOT_FOUND;
	return changed ? CMD_DONE : CMD_NOTHING;
}

int cmd_prefetch(struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = { { "check", no_argument, NULL, 'c' },
						 { "remove", no_argument, NULL, 'r' },
						 { 0 } };
	bool check = false, remove = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return cmd_usage(cmd, "prefetch", "the options are --check and --remove");
		check |= c == 'c';
		remove |= c == 'r';
	}
	if (optind < argc)
		return cmd_usage(cmd, "prefetch",
				 "unexpected argument %s; the words are in prefetch= of "
				 "modfetch.conf",
				 argv[optind]);
	if (remove && (check || cmd->dry_run))
		return cmd_usage(cmd, "prefetch",
				 "there is no dry run of --remove; leave out the other option");
	return remove ? remove_all(cmd) : prefetch(cmd, check || cmd->dry_run);
}

/* ---- for other verbs ---- */

/* Prefetches for a kernel. A failure is logged. */
static void prefetch_for(struct cmd *cmd, const char *kernel)
{
	_cleanup_(mf_prefetch_done) struct mf_prefetch result = { 0 };
	struct mf_context other = mf_context_for_kernel(&cmd->ctx, kernel);
	int r = mf_prefetch(&other, false, &result);

	cmd->ctx.helper = other.helper;
	if (r < 0)
		mf_log(&cmd->ctx, MF_LOG_WARNING,
		       "prefetch: %s: %s: %s [%s]; the next refresh by the timer tries it again",
		       kernel, other.failure.what, other.failure.why, mf_error_name(r));
	else if (result.n_fetched)
		mf_log(&cmd->ctx, MF_LOG_INFO, "prefetch: fetched %zu packages for %s",
		       result.n_fetched, kernel);
	if (result.left_out.n)
		mf_log(&cmd->ctx, MF_LOG_INFO,
		       "prefetch: %zu drivers for %s do not fit into prefetch-size=%llu; modfetch "
		       "prefetch --check names them",
		       result.left_out.n, kernel,
		       (unsigned long long)(cmd->ctx.settings.prefetch_size >> 20));
}

void cmd_prefetch_kernel(struct cmd *cmd, const char *kernel)
{
	if (cmd->ctx.settings.prefetch && *cmd->ctx.settings.prefetch)
		prefetch_for(cmd, kernel);
}

void cmd_prefetch_all(struct cmd *cmd)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved =
		mf_failure_save(&cmd->ctx);
	_cleanup_(mf_strings_done) struct mf_strings kernels = { 0 };

	if (!cmd->ctx.kernel)
		return;
	/* its drivers come first, if there is not room for all */
	prefetch_for(cmd, cmd->ctx.kernel);
	if (!cmd->ctx.settings.prefetch || mf_kernels_list(&cmd->ctx, &kernels) < 0)
		return;
	for (size_t i = 0; i < kernels.n; i++)
		if (strcmp(kernels.v[i], cmd->ctx.kernel) != 0)
			prefetch_for(cmd, kernels.v[i]);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel-added: for the hooks of package managers, when a kernel was installed.
 *
 * A package manager must not fail because of modfetch: a kernel without a driver is better than one
 * that is half configured. So the failure is reported and the exit status is 0, unless the caller
 * (--strict) or the admin (require-ready=yes) wants the status. What it could not do is tried again at
 * boot, by queue --retry and after each refresh.
 */
#include <getopt.h>
#include <stdio.h>
#include "modfetch/cleanup.h"
#include "cmd.h"
#include "kernel.h"

#define GAPS_SHOWN 10

static void log_gaps(const struct cmd *cmd, const char *kernel, const struct mf_gaps *gaps)
{
	size_t shown = gaps->n < GAPS_SHOWN ? gaps->n : GAPS_SHOWN;

	for (size_t i = 0; i < shown; i++)
		mf_log(&cmd->ctx, MF_LOG_WARNING, "kernel: %s lacks %s: %s, but %s [%s]", kernel,
		       gaps->v[i].driver, gaps->v[i].wanted, gaps->v[i].lacks,
		       mf_error_name(gaps->v[i].code));
	if (gaps->n > shown)
		mf_log(&cmd->ctx, MF_LOG_WARNING,
		       "kernel: %s lacks %zu more; modfetch ready %s lists all", kernel,
		       gaps->n - shown, kernel);
}

/* A failure that is not to be one of the caller's: one line, and exit status 0. */
static int forgive(struct cmd *cmd, const char *kernel, int r)
{
	struct mf_json *o;

	if (cmd->json && !cmd->printed) {
		o = mf_json_object();
		mf_json_set_string(o, "kernel", kernel);
		cmd_json_error(cmd, o);
		cmd_json(cmd, o, true);
		mf_json_free(o);
	}
	mf_log(&cmd->ctx, MF_LOG_ERROR,
	       "%s: %s%s%s [%s]; it is tried again at boot and after a refresh",
	       mf_stage_name(cmd->ctx.failure.stage), cmd->ctx.failure.what,
	       *cmd->ctx.failure.what ? ": " : "", cmd->ctx.failure.why, mf_error_name(r));
	cmd->ctx.failure = (struct mf_failure){ 0 };
	return CMD_DONE;
}

/* What no package has may be built here. It cannot make things worse; the needs are judged again. */
static int build_rest(struct cmd *cmd, struct mf_context *ctx, struct mf_gaps *gaps)
{
	_cleanup_(mf_gaps_done) struct mf_gaps now = { 0 };

	if (!cmd_build_kernel(cmd, ctx->kernel) || mf_ready(ctx, &now) < 0)
		return 0;
	mf_gaps_done(gaps);
	*gaps = now;
	now = (struct mf_gaps){ 0 };
	return 0;
}

/* Brings the drivers of a kernel, and reports it. Returns an exit status or a recorded failure. */
static int kernel_added(struct cmd *cmd, const char *kernel, bool strict)
{
	_cleanup_(mf_context_done) struct mf_context ctx = { .root_fd = -1, .helper = -1 };
	_cleanup_(mf_gaps_done) struct mf_gaps gaps = { 0 };
	int r = cmd_kernel_context(cmd, kernel, &ctx);

	strict |= ctx.settings.require_ready;
	/* in the output of a package manager a line for each package is too much */
	if (ctx.log_level == MF_LOG_INFO)
		ctx.log_level = MF_LOG_WARNING;
	if (!r) {
		r = cmd->dry_run ? mf_ready(&ctx, &gaps) : mf_kernel_added(&ctx, &gaps);
		cmd->ctx.failure = r < 0 ? ctx.failure : cmd->ctx.failure;
	}
	if (!cmd->dry_run && r >= 0)
		r = build_rest(cmd, &ctx, &gaps);
	if (!cmd->dry_run && r >= 0)
		cmd_prefetch_kernel(cmd, kernel);
	if (cmd->json && (r >= 0 || gaps.n))
		cmd_print_gaps(cmd, kernel, &gaps);
	else
		log_gaps(cmd, kernel, &gaps);
	if (r < 0)
		return strict ? r : forgive(cmd, kernel, r);
	if (!cmd->json)
		cmd_print_ready(cmd, kernel, &gaps);
	if (!gaps.n || !strict)
		return CMD_DONE;
	return mf_fail(&cmd->ctx, MF_STAGE_KERNEL, -MFE_NOT_READY, kernel,
		       "%zu drivers are missing; modfetch ready %s lists all", gaps.n, kernel);
}

int cmd_kernel_added(struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = { { "strict", no_argument, NULL, 's' }, { 0 } };
	const char *kernel;
	bool strict = false;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 's')
			return cmd_usage(cmd, "kernel-added", "the only option is --strict");
		strict = true;
	}
	r = cmd_kernel_argument(cmd, "kernel-added", argc - optind, argv + optind, &kernel);
	return r < 0 ? r : kernel_added(cmd, kernel, strict);
}

int cmd_kernels_added_since(struct cmd *cmd, const struct mf_strings *before)
{
	_cleanup_(mf_strings_done) struct mf_strings now = { 0 };
	bool json = cmd->json;
	int r = mf_kernels_list(&cmd->ctx, &now);

	/* the object of the run is printed; what a kernel lacks is said in words */
	cmd->json = false;
	cmd->quiet |= json;
	for (size_t i = 0; r >= 0 && i < now.n; i++)
		if (!mf_strings_has(before, now.v[i]))
			r = kernel_added(cmd, now.v[i], false);
	cmd->json = json;
	return r < 0 && !cmd->ctx.failure.code
		       ? mf_fail(&cmd->ctx, MF_STAGE_KERNEL, r, "/lib/modules", NULL)
		       : r;
}

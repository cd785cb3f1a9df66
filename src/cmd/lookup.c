/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lookup: the pipeline up to the plan, printed as text, as JSON, as a graph or as a resolver case.
 *
 * It differs from probe by one flag that the pipeline checks before its first change, so it cannot
 * show a plan that probe would not follow.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include "modfetch/cleanup.h"
#include "modfetch/query.h"
#include "cmd.h"

/* The format of the output. */
enum form { FORM_TEXT, FORM_DOT, FORM_CASE };

/* A failed plan cannot be a graph, but it is the purpose of a case. */
static int print_form(struct cmd *cmd, struct mf_run *run, enum form form)
{
	int r = mf_pipeline_run(&cmd->ctx, run);
	struct mf_failure failure = cmd->ctx.failure;
	_cleanup_free_ char *text = NULL;
	size_t len;
	FILE *out;

	if (r < 0 && (form == FORM_DOT || !run->catalog))
		return r;
	if (!run->catalog)
		return mf_fail(
			&cmd->ctx, MF_STAGE_MATCH, -MFE_NO_METADATA, run->verb,
			"no repository is configured, so there is no plan; modfetch repo add URL "
			"adds one");
	out = open_memstream(&text, &len);
	if (!out)
		return mf_fail(&cmd->ctx, MF_STAGE_OUTPUT, -ENOMEM, run->verb, NULL);
	if (form == FORM_CASE)
		cmd->ctx.failure = (struct mf_failure){ 0 };
	r = form == FORM_DOT ? mf_dot_write(&cmd->ctx, run, out)
			     : mf_case_write(&cmd->ctx, run, r < 0 ? &failure : NULL, out);
	if (fclose(out))
		return mf_fail(&cmd->ctx, MF_STAGE_OUTPUT, -ENOMEM, run->verb, NULL);
	cmd_lines(text);
	return r;
}

int cmd_lookup(struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, CMD_OPTION_DEVICE },
		{ "file", required_argument, NULL, CMD_OPTION_FILE },
		{ "dot", no_argument, NULL, FORM_DOT },
		{ "case", no_argument, NULL, FORM_CASE },
		{ 0 },
	};
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "lookup", .dry_run = true };
	enum form form = FORM_TEXT;
	int c, r = 0;

	while (!r && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == FORM_DOT || c == FORM_CASE)
			form = (enum form)c;
		else
			r = cmd_add_query_option(cmd, &run, c, optarg);
	}
	if (!r)
		r = cmd_add_queries(cmd, &run, argv + optind);
	if (r < 0)
		return r;
	if (form != FORM_TEXT)
		return print_form(cmd, &run, form);
	r = cmd_run(cmd, &run);
	/* "nothing to install" is an answer, not a failure */
	return r == CMD_NOTHING ? CMD_DONE : r;
}

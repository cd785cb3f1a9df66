/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * want: prints the list of what this machine needs, for another one that has a network.
 *
 * Standard output is the list and nothing else, also for several kernels: their lists follow each
 * other, and fetch-for takes them together. Nothing is written, and no repository is needed.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include "modfetch/cleanup.h"
#include "modfetch/travel.h"
#include "cmd.h"

static void want_print_json(struct cmd *cmd, const struct mf_list *list)
{
	struct mf_json *o = mf_json_object();

	mf_json_set_string(o, "kernel", list->kernel);
	mf_json_set_string(o, "machine", list->machine);
	mf_json_set_string(o, "releasever", list->releasever);
	for (size_t kind = 0; kind < MF_N_LIST_KINDS; kind++)
		mf_json_set_strings(o, mf_list_word((enum mf_list_kind)kind), &list->lines[kind]);
	cmd_json(cmd, o, true);
	mf_json_free(o);
}

static int want_print(struct cmd *cmd, const struct mf_list *list)
{
	_cleanup_free_ char *text = NULL;

	if (cmd->json) {
		want_print_json(cmd, list);
		return CMD_DONE;
	}
	text = mf_list_text(list);
	if (!text)
		return mf_fail(&cmd->ctx, MF_STAGE_LIST, -ENOMEM, "devices", NULL);
	cmd_lines(text);
	return CMD_DONE;
}

int cmd_want(struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = { { "missing", no_argument, NULL, 'm' },
						 { "exports", no_argument, NULL, 'e' },
						 { 0 } };
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "want" };
	_cleanup_(mf_list_done) struct mf_list list = { 0 };
	struct mf_gather what = { .names = &run.wants };
	int c, r = 0;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'm' && c != 'e')
			return cmd_usage(cmd, "want", "the options are --missing and --exports");
		what.missing_only |= c == 'm';
		what.exports |= c == 'e';
	}
	if (optind < argc)
		r = cmd_add_queries(cmd, &run, argv + optind);
	if (!r)
		r = mf_list_gather(&cmd->ctx, &what, &list);
	return r < 0 ? r : want_print(cmd, &list);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The results of verbs that are no run of the pipeline: a line for each thing that was done, or one
 * that says why nothing was. As JSON one object, so that a program need not know which verb does its
 * work by runs.
 */
#include "cmd.h"

void cmd_print_done(struct cmd *cmd, const char *verb, struct mf_strings *done)
{
	if (cmd->json) {
		struct mf_json *o = mf_json_object();

		mf_json_set_string(o, "verb", verb);
		mf_json_set_strings(o, "done", done);
		mf_json_set_bool(o, "changed", done->n > 0);
		cmd_json(cmd, o, true);
		mf_json_free(o);
		return;
	}
	for (size_t i = 0; !cmd->quiet && i < done->n; i++)
		cmd_line("%s", done->v[i]);
}

int cmd_nothing(struct cmd *cmd, const char *verb, const char *reason)
{
	struct mf_json *o;

	if (!cmd->json && !cmd->quiet)
		cmd_line("%s: nothing was done: %s", verb, reason);
	if (!cmd->json)
		return CMD_NOTHING;
	o = mf_json_object();
	mf_json_set_string(o, "verb", verb);
	mf_json_set_string(o, "reason", reason);
	mf_json_set_bool(o, "changed", false);
	cmd_json(cmd, o, true);
	mf_json_free(o);
	return CMD_NOTHING;
}

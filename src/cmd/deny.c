/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * deny and allow: the admin's word, kept as the first rule of policy.d, until it is taken back.
 *
 * Decides nothing itself: what a rule may say, and where it stands, is src/match/rules.c's. Never
 * touches what is loaded or on disk already: a rule is about what will be fetched. To allow a
 * module is also to say that it may be loaded again, if that brought the machine down.
 */
#include <stdio.h>
#include "modfetch/rules.h"
#include "cmd.h"

static int deny_set(struct cmd *cmd, int argc, char **argv, bool deny)
{
	int r, forgiven = 0;

	if (argc < 2 || argv[1][0] == '-')
		return cmd_usage(cmd, argv[0],
				 "it needs a module, a modalias pattern, a package or conditions");
	r = mf_rules_set(&cmd->ctx, deny, (const char *const *)argv + 1, (size_t)argc - 1);
	if (r < 0)
		return r;
	if (!deny)
		forgiven = cmd_forgive(cmd, argv[argc - 1]);
	if (forgiven < 0)
		return forgiven;
	if (forgiven && !cmd->quiet)
		cmd_line("%d that brought the machine down will be tried again", forgiven);
	if (!cmd->quiet)
		cmd_line("%s in /" MF_RULES_DIRECTORY "/" MF_RULES_ADMIN,
			 r ? "it stands first already" : "noted");
	return r && !forgiven ? CMD_NOTHING : CMD_DONE;
}

int cmd_deny(struct cmd *cmd, int argc, char **argv)
{
	return deny_set(cmd, argc, argv, true);
}

int cmd_allow(struct cmd *cmd, int argc, char **argv)
{
	return deny_set(cmd, argc, argv, false);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hold and unhold: packages that keep their version.
 *
 * rule-change.c finds out what a name stands for and writes the rule; src/resolve/held.c obeys it.
 */
#include "cmd.h"
#include "rule-change.h"

int cmd_hold(struct cmd *cmd, int argc, char **argv)
{
	return cmd_rule_change(cmd, MF_RULE_HOLD, "hold", false, argc - 1, argv + 1);
}

int cmd_unhold(struct cmd *cmd, int argc, char **argv)
{
	return cmd_rule_change(cmd, MF_RULE_HOLD, "unhold", true, argc - 1, argv + 1);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * prefer: packages or repositories that come before others with the same driver.
 *
 * rule-change.c finds out what a name stands for and writes the rule; src/resolve/choice.c and
 * src/resolve/shadow.c obey it.
 */
#include <getopt.h>
#include <stddef.h>
#include "cmd.h"
#include "rule-change.h"

int cmd_prefer(struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = { { "remove", no_argument, NULL, 'r' }, { 0 } };
	bool remove = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'r')
			return cmd_usage(cmd, "prefer", "the only option is --remove");
		remove = true;
	}
	return cmd_rule_change(cmd, MF_RULE_PREFER, "prefer", remove, argc - optind, argv + optind);
}

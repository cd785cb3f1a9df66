/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * deny and allow: a decision of the admin, stored as the first rule of policy.d until it is
 * replaced.
 *
 * src/match/rules.c defines the syntax of rules and their place. Loaded and installed modules are
 * never changed: a rule is about future downloads. A device, named in any form of modfetch/typed.h,
 * becomes a rule about its modalias. To allow a module also means that it may be
 * loaded again if it crashed the machine before.
 */
#include <stdio.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/rules.h"
#include "modfetch/typed.h"
#include "cmd.h"
#include "rule-change.h"

static void deny_print_json(struct cmd *cmd, const char *verb, const char *const *words, size_t n,
			    bool changed)
{
	struct mf_json *o = mf_json_object(), *rule = mf_json_array();

	for (size_t i = 0; i < n; i++)
		mf_json_add_string(rule, words[i]);
	mf_json_set_string(o, "verb", verb);
	mf_json_set_string(o, "file", "/" MF_RULES_DIRECTORY "/" MF_RULES_ADMIN);
	mf_json_set(o, "rule", rule);
	mf_json_set_bool(o, "changed", changed && !cmd->dry_run);
	cmd_json(cmd, o, true);
	mf_json_free(o);
}

static int deny_set(struct cmd *cmd, int argc, char **argv, bool deny)
{
	const char *const *words = (const char *const *)argv + 1;
	size_t n = argc < 1 ? 0 : (size_t)argc - 1;
	_cleanup_free_ char *pattern = NULL;
	const char *device[2] = { "modalias" };
	int r = 1, cleared = 0;

	if (argc < 2 || argv[1][0] == '-')
		return cmd_usage(cmd, argv[0],
				 "name a module, a modalias pattern, a package or conditions");
	if (n == 1)
		r = mf_typed_pattern(&cmd->ctx, words[0], &pattern);
	if (r < 0)
		return r;
	if (!r)
		device[1] = pattern;
	/* a misspelled name would be a rule that refuses nothing */
	if (r && n == 1 && !mf_rules_is_condition(words[0]) && !strchr(words[0], ':')) {
		r = cmd_rule_key(cmd, words[0], &device[0]);
		device[1] = words[0];
	}
	if (r < 0)
		return r;
	if (device[1]) {
		words = device;
		n = 2;
	}
	r = mf_rules_set(&cmd->ctx, deny ? MF_RULE_DENY : MF_RULE_ALLOW, words, n, cmd->dry_run);
	if (r < 0)
		return r;
	if (!deny && !cmd->dry_run)
		cleared = cmd_clear_crashed(cmd, argv[argc - 1]);
	if (cleared < 0)
		return cleared;
	if (cmd->json) {
		deny_print_json(cmd, argv[0], words, n, !r || cleared);
		return r && !cleared ? CMD_NOTHING : CMD_DONE;
	}
	if (cleared && !cmd->quiet)
		cmd_line("%d modules that brought the machine down may be loaded again", cleared);
	if (!cmd->quiet)
		cmd_line("%s /" MF_RULES_DIRECTORY "/" MF_RULES_ADMIN,
			 r		? "nothing to do, this is the first rule already in"
			 : cmd->dry_run ? "the rule would be written to"
					: "the rule was written to");
	return r && !cleared ? CMD_NOTHING : CMD_DONE;
}

int cmd_deny(struct cmd *cmd, int argc, char **argv)
{
	return deny_set(cmd, argc, argv, true);
}

int cmd_allow(struct cmd *cmd, int argc, char **argv)
{
	return deny_set(cmd, argc, argv, false);
}

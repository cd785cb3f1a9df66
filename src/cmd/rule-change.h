/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CMD_RULE_CHANGE_H
#define CMD_RULE_CHANGE_H
/* Shared by hold, unhold and prefer: rule-change.c. */
#include "modfetch/rules.h"
#include "cmd.h"

/*
 * Adds rules with VERB (MF_RULE_HOLD or MF_RULE_PREFER) to the admin's file, or removes them, for N
 * WORDS: names, each a rule of its own, or the conditions of one rule. Prints the result. NAME: of
 * the verb on the command line. Returns the exit status; -MFE_NOT_FOUND: a word names nothing, and
 * no rule was written; -MFE_DENIED: the rules were removed, but another one still holds a package;
 * or another recorded failure.
 */
int cmd_rule_change(struct cmd *cmd, enum mf_rule_verb verb, const char *name, bool remove, int n,
		    char **words);

/*
 * Is WORD the name of a package or module that is installed, on disk, built in or in a repository, or a
 * pattern? Sets RET_KEY to "module" or "package". 0, also if nothing is known about any repository;
 * -MFE_NOT_FOUND, with similar names; or another recorded failure.
 */
int cmd_rule_key(struct cmd *cmd, const char *word, const char **ret_key);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_RULES_H
#define MODFETCH_RULES_H
/*
 * The administrator's rules in /etc/modfetch/policy.d/: files called NAME.conf, read in the order
 * of their names. Each line is a rule; the first rule that applies decides. Without a rule that
 * applies, the answer is "allow".
 *
 *   allow|deny CONDITION…        # a comment that explains the rule
 *
 * CONDITION is "bus usb", "class 0280" (the first digits of a PCI class or of a USB interface's),
 * "modalias GLOB", "module GLOB", "package GLOB", "repository GLOB", "removable" or "fixed"; all
 * conditions of a line must hold. modfetch-policy(5) describes it.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"

#define MF_RULES_DIRECTORY "etc/modfetch/policy.d"
/*
 * The file that `modfetch deny` and `allow` write; its name sorts before others, so its rules win.
 */
#define MF_RULES_ADMIN "00-admin.conf"

enum mf_removable { MF_REMOVABLE_UNKNOWN, MF_REMOVABLE, MF_FIXED };

/* The properties that the conditions of a rule test; NULL where one is unknown. */
struct mf_facts {
	const char *modalias; /* or the requested name, as the indexes spell it */
	const char *device; /* the modalias of the device that the name is for, spelled likewise */
	enum mf_removable removable;
	const char *module;
	const char *package;
	const char *repository;
};

struct mf_rules;

/* Reads all files; a missing directory is an empty list. 0, -MFE_CONFIG or -errno, recorded. */
int mf_rules_read(struct mf_context *ctx, struct mf_rules **ret_rules);
void mf_rules_free(struct mf_rules *rules);

/*
 * Applies the rules in their order. Returns 0: allowed; 1: denied, and RET_RULE is the rule with
 * its file and line, "deny module foo (10-local.conf, line 3)", borrowed.
 */
int mf_rules_ask(const struct mf_rules *rules, const struct mf_facts *facts, const char **ret_rule);

/*
 * Makes "deny CONDITIONS" or "allow CONDITIONS" the first rule of MF_RULES_ADMIN and removes an
 * older rule of that file with the same conditions. CONDITIONS may be one word: with a ':' it is a
 * modalias, with "-kmp" a package, else a module. Returns 0; 1: the first rule was this one
 * already; -MFE_USAGE (not a condition) or -errno, recorded.
 */
int mf_rules_set(struct mf_context *ctx, bool deny, const char *const *words, size_t n_words);

#endif

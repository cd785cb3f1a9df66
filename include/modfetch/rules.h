/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_RULES_H
#define MODFETCH_RULES_H
/*
 * The admin's rules in /etc/modfetch/policy.d/: files called NAME.conf, read in the order of their
 * names; a line is a rule, the first one that applies decides, and what no rule speaks of is
 * allowed.
 *
 *   allow|deny CONDITION…        # why, for whoever reads it
 *
 * CONDITION is "bus usb", "class 0280" (the first digits of a PCI class or of a USB interface's),
 * "modalias GLOB", "module GLOB", "package GLOB", "repository GLOB", "removable" or "fixed"; all of
 * a line must hold. modfetch-policy(5) describes it.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"

#define MF_RULES_DIRECTORY "etc/modfetch/policy.d"
/* What `modfetch deny` and `allow` write; its name comes before others, so its rules do. */
#define MF_RULES_ADMIN "00-admin.conf"

enum mf_removable { MF_REMOVABLE_UNKNOWN, MF_REMOVABLE, MF_FIXED };

/* What a rule is asked about; NULL where there is no such thing. */
struct mf_facts {
	const char *modalias; /* or the name asked for, as the indexes spell it */
	const char *device; /* the modalias of a device for which a name is asked for, spelled so */
	enum mf_removable removable;
	const char *module;
	const char *package;
	const char *repository;
};

struct mf_rules;

/* Reads all files; no directory is no rule. 0, -MFE_CONFIG or -errno, recorded. */
int mf_rules_read(struct mf_context *ctx, struct mf_rules **ret_rules);
void mf_rules_free(struct mf_rules *rules);

/*
 * Asks the rules in their order. Returns 0: allowed; 1: denied, and
 * RET_RULE is the rule with its place, "deny module foo (10-local.conf, line 3)", borrowed.
 */
int mf_rules_ask(const struct mf_rules *rules, const struct mf_facts *facts, const char **ret_rule);

/*
 * Makes "deny CONDITIONS" or "allow CONDITIONS" the first rule of the admin's own file; another one
 * there about the same conditions goes. CONDITIONS may be one word: something with a ':' is a
 * modalias, something with "-kmp" a package, anything else a module. 0; 1: it was the first
 * already; -MFE_USAGE (no such condition) or -errno, recorded.
 */
int mf_rules_set(struct mf_context *ctx, bool deny, const char *const *words, size_t n_words);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_RULES_H
#define MODFETCH_RULES_H
/*
 * The administrator's rules in /etc/modfetch/policy.d/: files called NAME.conf, read in the order
 * of their names. Each line is a rule.
 *
 *   allow|deny CONDITION…        # a comment that explains the rule
 *   hold CONDITION…
 *   prefer CONDITION…
 *
 * Of the rules to allow and to deny, the first one that applies decides; without one, the answer is
 * "allow". A rule to hold or to prefer counts wherever it stands, if it applies: "hold" keeps the
 * installed package, "prefer" puts a package of a repository before others.
 *
 * CONDITION is "bus usb", "class 0280" (the first digits of a PCI class or of a USB interface's),
 * "modalias GLOB", "module GLOB", "package GLOB", "repository GLOB", "removable" or "fixed"; all
 * conditions of a line must hold. Packages have no device, and it is not known which repository an
 * installed one came from: "hold" takes module and package, "prefer" also repository.
 * modfetch-policy(5) describes it.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

#define MF_RULES_DIRECTORY "etc/modfetch/policy.d"
/*
 * The file that `modfetch deny`, `allow`, `hold` and `prefer` write; its name sorts before others,
 * so its rules win.
 */
#define MF_RULES_ADMIN "00-admin.conf"

enum mf_rule_verb { MF_RULE_ALLOW, MF_RULE_DENY, MF_RULE_HOLD, MF_RULE_PREFER };

enum mf_removable { MF_REMOVABLE_UNKNOWN, MF_REMOVABLE, MF_FIXED };

/* The properties that the conditions of a rule test; NULL where one is unknown. */
struct mf_facts {
	const char *modalias; /* or the requested name, as the indexes spell it */
	const char *device; /* the modalias of the device that the name is for, spelled likewise */
	enum mf_removable removable;
	const char *module;
	/*
	 * The full name. A rule may also give it without the kernel and the flavor: "igb-kmp-amd64"
	 * and "igb-kmp" of "igb-kmp-amd64-6.1.0_56", and other packages without the end that says
	 * the kernel of the run (mf_asked_short_name())
	 */
	const char *package;
	const char *repository;
};

struct mf_rules;

/* Reads all files; a missing directory is an empty list. 0, -MFE_CONFIG or -errno, recorded. */
int mf_rules_read(struct mf_context *ctx, struct mf_rules **ret_rules);
void mf_rules_free(struct mf_rules *rules);

/*
 * Applies the rules to allow and to deny in their order. Returns 0: allowed; 1: denied, and RET_RULE
 * is the rule with its file and line, "deny module foo (10-local.conf, line 3)", borrowed.
 */
int mf_rules_ask(const struct mf_rules *rules, const struct mf_facts *facts, const char **ret_rule);

/* A rule to hold or to prefer. Belongs to the rules. */
struct mf_rule {
	const char *text; /* "hold package igb-kmp" */
	const char *file; /* "00-admin.conf" */
	unsigned int line;
	bool of_repository; /* it has no condition but repositories */
};

/* Is there any rule with VERB, MF_RULE_HOLD or MF_RULE_PREFER? RULES: NULL has none. */
bool mf_rules_any(const struct mf_rules *rules, enum mf_rule_verb verb);
/*
 * The first rule with VERB (MF_RULE_HOLD or MF_RULE_PREFER) that applies, or NULL. FACTS has one
 * module, or none.
 */
const struct mf_rule *mf_rules_find(const struct mf_rules *rules, enum mf_rule_verb verb,
				    const struct mf_facts *facts);
/*
 * The same for a package with several modules, as kmod spells them: FACTS->module is ignored. A rule
 * that is not of_repository is found before one that is.
 */
const struct mf_rule *mf_rules_find_package(const struct mf_rules *rules, enum mf_rule_verb verb,
					    const struct mf_facts *facts,
					    const struct mf_strings *modules);

/*
 * Makes "VERB CONDITIONS" the first rule of MF_RULES_ADMIN and removes an older rule of that file
 * with the same conditions: "allow" and "deny" replace each other, "hold" and "prefer" only
 * themselves. CONDITIONS may be one word: with a ':' it is a modalias, with "-kmp" a package, else a
 * module. DRY_RUN: only finds out what it would do. Returns 0; 1: the rule is there already (to allow
 * or deny: as the first one); -MFE_USAGE (not a condition of such a rule) or -errno, recorded.
 */
int mf_rules_set(struct mf_context *ctx, enum mf_rule_verb verb, const char *const *words,
		 size_t n_words, bool dry_run);
/*
 * Removes all rules of MF_RULES_ADMIN with this verb and these conditions, whatever comment they
 * have. CONDITIONS and DRY_RUN as above. Returns 0; 1: there is none; -MFE_USAGE or -errno, recorded.
 */
int mf_rules_unset(struct mf_context *ctx, enum mf_rule_verb verb, const char *const *words,
		   size_t n_words, bool dry_run);
/*
 * Would "package GLOB" be a condition that the package meets? KERNEL: the release of the run, or
 * NULL.
 */
bool mf_rules_names_package(const char *glob, const char *package, const char *kernel);
/* Is WORD the first word of a condition, "module"? */
bool mf_rules_is_condition(const char *word);

#endif

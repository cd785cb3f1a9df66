/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MATCH_RULES_PRIVATE_H
#define MATCH_RULES_PRIVATE_H
/*
 * The rules of policy.d in memory: shared by their parser (rules-parse.c), the questions (rules.c)
 * and the file of the administrator's own rules (rules-admin.c).
 */
#include "modfetch/rules.h"
#include "modfetch/strings.h"

#define MF_RULE_FILE_MAX   (256U << 10) /* bytes of a file in policy.d */
#define MF_RULE_CONDITIONS 8

struct mf_rule_kind;

struct mf_rule_condition {
	const struct mf_rule_kind *kind;
	char *value; /* "" where the kind has none */
};

/* A rule as it is stored. Zeroed: empty. */
struct mf_rule_entry {
	enum mf_rule_verb verb;
	struct mf_rule_condition conditions[MF_RULE_CONDITIONS];
	size_t n;
	char *text;	     /* "hold package igb-kmp" */
	char *file;	     /* its name in policy.d */
	char *place;	     /* "deny module foo (10-local.conf, line 3)" */
	struct mf_rule rule; /* what others see of it; borrows from the above */
};

struct mf_rules {
	char *kernel; /* the release of the run, or NULL */
	struct mf_rule_entry *v;
	size_t n;
};

/* ---- rules.c ---- */

/* The kind of a condition by its word ("module"), or NULL. */
const struct mf_rule_kind *mf_rule_kind_find(const char *word);
/* Has it a value? Is the value a name that is normalized as the indexes spell names? */
bool mf_rule_kind_has_value(const struct mf_rule_kind *kind);
bool mf_rule_kind_is_spelling(const struct mf_rule_kind *kind);
/* May a rule with this verb have such a condition? If not, RET_WHY is the reason, a clause. */
bool mf_rule_kind_fits(const struct mf_rule_kind *kind, enum mf_rule_verb verb,
		       const char **ret_why);
void mf_rule_entry_done(struct mf_rule_entry *entry);

/* ---- rules-parse.c ---- */

/* Adds the words of a line, which end at blanks; a comment is none of them. 0 or -ENOMEM. */
int mf_rule_split(struct mf_strings *words, const char *line);
/* "hold", "package", "x" → "hold package x"; new memory, or NULL. */
char *mf_rule_join(const char *const *words, size_t n);
/*
 * Parses the words of a rule into RULE (zeroed, the caller's to free in any case), without its
 * text and place. 0, -ENOMEM, or -EINVAL: it is no rule, and RET_WHY says why, or is NULL.
 */
int mf_rule_parse(struct mf_rule_entry *rule, const char *const *words, size_t n,
		  const char **ret_why);
/* "hold" */
const char *mf_rule_verb_name(enum mf_rule_verb verb);
/* A clause with the condition that WORD, which is none, is similar to; static. NULL: to none. */
const char *mf_rule_kind_meant(const char *word);

#endif

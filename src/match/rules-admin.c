/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file of policy.d that the verbs deny, allow, hold and prefer write.
 *
 * Lines that are none of these rules stay as they are. The file is read, changed and published
 * under a lock on its directory, so that of two verbs at the same time neither loses its rule.
 */
#include "modfetch/rules.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"
#include "rules-private.h"

enum { REMOVE = 1, DRY_RUN = 2 };

/* Writes the conditions in full: "foo" becomes "module foo". NULL: no memory. */
static char *conditions_text(const char *const *words, size_t n)
{
	const char *key = NULL;

	if (n == 1 && !mf_rule_kind_find(words[0]))
		key = strchr(words[0], ':')	 ? "modalias"
		      : strstr(words[0], "-kmp") ? "package"
						 : "module";
	if (!key)
		return mf_rule_join(words, n);
	return mf_format("%s %s", key, words[0]);
}

/* Parses a line. 0, -EINVAL or -ENOMEM. */
static int parse_line(const char *line, struct mf_rule_entry *rule, const char **ret_why)
{
	_cleanup_(mf_strings_done) struct mf_strings words = { 0 };
	int r = mf_rule_split(&words, line);

	return r ? r : mf_rule_parse(rule, (const char *const *)words.v, words.n, ret_why);
}

/*
 * Why a value can never apply, as a clause, or NULL. Lines of other files are not checked: a rule that
 * has no effect must not stop every verb.
 */
static const char *value_fault(const struct mf_rule_condition *condition)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	static const char word[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	const char *value = condition->value;

	if (condition->kind == mf_rule_kind_find("class") &&
	    (value[strspn(value, digits)] || strlen(value) > 6))
		return "a class is one to six hexadecimal digits";
	if (condition->kind == mf_rule_kind_find("bus") && value[strspn(value, word)])
		return "a bus is a word, such as usb or pci";
	return NULL;
}

/* The rule "VERB WORDS…". RET_LINE is the caller's. 0 or a recorded failure. */
static int make_rule(struct mf_context *ctx, enum mf_rule_verb verb, const char *const *words,
		     size_t n, struct mf_rule_entry *rule, char **ret_line)
{
	_cleanup_free_ char *conditions = conditions_text(words, n), *line = NULL;
	const char *why = NULL;
	int r = -EINVAL;

	if (conditions)
		line = mf_format("%s %s", mf_rule_verb_name(verb), conditions);
	if (!line)
		return mf_fail(ctx, MF_STAGE_POLICY, -ENOMEM, "rule", NULL);
	if (!strpbrk(conditions, "#\n"))
		r = parse_line(line, rule, &why);
	for (size_t i = 0; !r && i < rule->n; i++) {
		why = value_fault(&rule->conditions[i]);
		r = why ? -EINVAL : 0;
	}
	if (r == -EINVAL)
		return mf_fail(ctx, MF_STAGE_POLICY, -MFE_USAGE, conditions,
			       "not a condition%s%s; see modfetch-policy(5)", why ? ": " : "",
			       why ? why : "");
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_POLICY, r, "rule", NULL);
	*ret_line = MF_STEAL(line);
	return 0;
}

/* Do rules with these verbs replace each other? */
static bool is_same_family(enum mf_rule_verb a, enum mf_rule_verb b)
{
	return a == b || (a <= MF_RULE_DENY && b <= MF_RULE_DENY);
}

static bool has_same_conditions(const struct mf_rule_entry *a, const struct mf_rule_entry *b)
{
	for (size_t i = 0; a->n == b->n && i < a->n; i++)
		if (a->conditions[i].kind != b->conditions[i].kind ||
		    strcmp(a->conditions[i].value, b->conditions[i].value) != 0)
			return false;
	return a->n == b->n;
}

/* Is LINE a rule that RULE replaces? 1, 0 or -ENOMEM. */
static int is_replaced(const char *line, const struct mf_rule_entry *rule)
{
	_cleanup_(mf_rule_entry_done) struct mf_rule_entry old = { 0 };
	const char *why;
	int r = parse_line(line, &old, &why);

	if (r == -EINVAL)
		return 0;
	return r < 0 ? r : is_same_family(old.verb, rule->verb) && has_same_conditions(&old, rule);
}

/* What a change of the file does. */
struct edit {
	const struct mf_rule_entry *rule;
	const char *line; /* the rule, to be added; NULL: to be removed */
	bool dry_run;
};

/* Has the text such a rule? RET_FIRST: its first line is the very one to be added. */
static bool is_there(const struct edit *edit, const char *text, bool *ret_first)
{
	bool there = false;

	*ret_first = false;
	for (const char *p = text; p && *p;) {
		size_t len = strcspn(p, "\n");
		_cleanup_free_ char *line = strndup(p, len);

		there |= line && is_replaced(line, edit->rule) > 0;
		if (p == text && line && edit->line)
			*ret_first = !strcmp(line, edit->line);
		p += len + (p[len] == '\n');
	}
	return there;
}

/* Writes the text after the change. 0, or -ENOMEM. */
static int write_edited(const struct edit *edit, char *old, FILE *f)
{
	char *line;

	if (edit->line)
		fprintf(f, "%s\n", edit->line);
	while ((line = strsep(&old, "\n"))) {
		int r = *line ? is_replaced(line, edit->rule) : 1;

		if (r < 0)
			return r;
		if (!r)
			fprintf(f, "%s\n", line);
	}
	return 0;
}

/* 0; 1: there was nothing to do; or -errno. */
static int edit_file(int dirfd, const struct edit *edit)
{
	_cleanup_free_ char *old = NULL, *text = NULL;
	size_t len = 0;
	bool there, first;
	FILE *f;
	int r;

	/* the lock ends with the descriptor */
	if (flock(dirfd, LOCK_EX) < 0)
		return -errno;
	r = mf_file_read_at(dirfd, MF_RULES_ADMIN, MF_RULE_FILE_MAX, &old, &len);
	if (r < 0 && r != -ENOENT)
		return r;
	there = is_there(edit, old, &first);
	/* of rules to allow and to deny the first one decides, so only that counts */
	if (!edit->line ? !there : edit->rule->verb <= MF_RULE_DENY ? first : there)
		return 1;
	if (edit->dry_run)
		return 0;
	f = open_memstream(&text, &len);
	if (!f)
		return -ENOMEM;
	r = write_edited(edit, old, f);
	if (fclose(f) && !r)
		r = -ENOMEM;
	return r < 0 ? r : mf_file_publish(dirfd, MF_RULES_ADMIN, 0644, text, len);
}

static int change_rule(struct mf_context *ctx, enum mf_rule_verb verb, const char *const *words,
		       size_t n_words, unsigned int flags)
{
	_cleanup_(mf_rule_entry_done) struct mf_rule_entry rule = { 0 };
	_cleanup_free_ char *line = NULL;
	_cleanup_close_ int dirfd = -1;
	int r = make_rule(ctx, verb, words, n_words, &rule, &line);
	struct edit edit = { .rule = &rule, .dry_run = flags & DRY_RUN };

	if (r < 0)
		return r;
	if (!(flags & REMOVE))
		edit.line = line;
	dirfd = mf_context_mkdir(ctx, MF_RULES_DIRECTORY);
	r = dirfd < 0 ? dirfd : edit_file(dirfd, &edit);
	return r < 0 ? mf_fail(ctx, MF_STAGE_POLICY, r, "/" MF_RULES_DIRECTORY "/" MF_RULES_ADMIN,
			       NULL)
		     : r;
}

int mf_rules_set(struct mf_context *ctx, enum mf_rule_verb verb, const char *const *words,
		 size_t n_words, bool dry_run)
{
	return change_rule(ctx, verb, words, n_words, dry_run ? DRY_RUN : 0);
}

int mf_rules_unset(struct mf_context *ctx, enum mf_rule_verb verb, const char *const *words,
		   size_t n_words, bool dry_run)
{
	return change_rule(ctx, verb, words, n_words, REMOVE | (dry_run ? DRY_RUN : 0));
}

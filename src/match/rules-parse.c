/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parses policy.d.
 *
 * A line that cannot be parsed fails the whole run, because a rule that is ignored silently would
 * be a hole. For the same reason a condition that could never hold is an error: "hold bus usb".
 */
#include "modfetch/rules.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "rules-private.h"

#define VALUE_MAX (MF_MODALIAS_MAX + 1)

static const char *const verbs[] = {
	[MF_RULE_ALLOW] = "allow",
	[MF_RULE_DENY] = "deny",
	[MF_RULE_HOLD] = "hold",
	[MF_RULE_PREFER] = "prefer",
};

const char *mf_rule_verb_name(enum mf_rule_verb verb)
{
	return verbs[verb];
}

/* ---- a rule ---- */

/* The value as rules are compared by it. False: it is too long or no name. */
static bool parse_value(const struct mf_rule_kind *kind, const char *word, char *value, size_t size)
{
	if (mf_rule_kind_is_spelling(kind))
		return mf_alias_normalize(word, value, size) >= 0;
	return snprintf(value, size, "%s", word) < (int)size;
}

/* Adds the condition "KEY VALUE" or "KEY". Returns the number of words used, -EINVAL or -ENOMEM. */
static int parse_condition(struct mf_rule_entry *rule, const char *const *words, size_t n,
			   const char **ret_why)
{
	const struct mf_rule_kind *kind = mf_rule_kind_find(words[0]);
	struct mf_rule_condition *c = &rule->conditions[rule->n];
	char value[VALUE_MAX] = "";
	bool has_value = kind && mf_rule_kind_has_value(kind);

	if (!kind)
		*ret_why = mf_rule_kind_meant(words[0]);
	if (!kind || rule->n == MF_RULE_CONDITIONS || (has_value && n < 2) ||
	    !mf_rule_kind_fits(kind, rule->verb, ret_why) ||
	    (has_value && !parse_value(kind, words[1], value, sizeof(value))))
		return -EINVAL;
	c->kind = kind;
	c->value = strdup(value);
	if (!c->value)
		return -ENOMEM;
	rule->n++;
	return has_value ? 2 : 1;
}

/* Has the rule no conditions but repositories? */
static bool parse_is_of_repository(const struct mf_rule_entry *rule)
{
	for (size_t i = 0; i < rule->n; i++)
		if (rule->conditions[i].kind != mf_rule_kind_find("repository"))
			return false;
	return true;
}

int mf_rule_parse(struct mf_rule_entry *rule, const char *const *words, size_t n,
		  const char **ret_why)
{
	size_t verb = 0;

	*ret_why = NULL;
	while (verb < MF_ARRAY_SIZE(verbs) && n && strcmp(words[0], verbs[verb]))
		verb++;
	if (n < 2 || verb == MF_ARRAY_SIZE(verbs))
		return -EINVAL;
	rule->verb = (enum mf_rule_verb)verb;
	for (size_t i = 1; i < n;) {
		int taken = parse_condition(rule, words + i, n - i, ret_why);

		if (taken < 0)
			return taken;
		i += (size_t)taken;
	}
	rule->rule.of_repository = parse_is_of_repository(rule);
	return 0;
}

char *mf_rule_join(const char *const *words, size_t n)
{
	char *text = NULL;
	size_t room;
	FILE *f = open_memstream(&text, &room);

	if (!f)
		return NULL;
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s%s", i ? " " : "", words[i]);
	return fclose(f) ? NULL : text;
}

/* Commas belong to words, since modaliases contain them. */
int mf_rule_split(struct mf_strings *words, const char *line)
{
	const char *end = line + strcspn(line, "#");

	for (;;) {
		size_t len;
		int r;

		line += strspn(line, " \t\r");
		len = strcspn(line, " \t\r#");
		if (!len || line >= end)
			return 0;
		r = mf_strings_addn(words, line, len);
		if (r < 0)
			return r;
		line += len;
	}
}

/* ---- files ---- */

static int rule_add_line(struct mf_rules *rules, const struct mf_strings *words, const char *file,
			 unsigned int line, const char **ret_why)
{
	struct mf_rule_entry *v = reallocarray(rules->v, rules->n + 1, sizeof(*v)), *rule;
	const char *const *w = (const char *const *)words->v;
	int r;

	if (!v)
		return -ENOMEM;
	rules->v = v;
	rule = &v[rules->n];
	*rule = (struct mf_rule_entry){ 0 };
	r = mf_rule_parse(rule, w, words->n, ret_why);
	if (!r) {
		rule->text = mf_rule_join(w, words->n);
		rule->file = strdup(file);
		rule->place =
			mf_format("%s (%s, line %u)", rule->text ? rule->text : "", file, line);
		r = rule->text && rule->file && rule->place ? 0 : -ENOMEM;
	}
	if (r < 0) {
		mf_rule_entry_done(rule);
		return r;
	}
	rule->rule.text = rule->text;
	rule->rule.file = rule->file;
	rule->rule.line = line;
	rules->n++;
	return 0;
}

static int parse_file(struct mf_context *ctx, struct mf_rules *rules, char *text, const char *file)
{
	unsigned int number = 0;
	char *line;

	while ((line = strsep(&text, "\n"))) {
		_cleanup_(mf_strings_done) struct mf_strings words = { 0 };
		const char *why = NULL;
		int r;

		number++;
		r = mf_rule_split(&words, line);
		if (!r && words.n)
			r = rule_add_line(rules, &words, file, number, &why);
		if (r == -EINVAL)
			return mf_fail(ctx, MF_STAGE_POLICY, -MFE_CONFIG, file,
				       "line %u is not a rule%s%s; see modfetch-policy(5)", number,
				       why ? ": " : "", why ? why : "");
		if (r < 0)
			return mf_fail(ctx, MF_STAGE_POLICY, r, file, NULL);
	}
	return 0;
}

static int is_rule_file(const struct dirent *e)
{
	return e->d_name[0] != '.' && mf_ends_with(e->d_name, ".conf");
}

static int rule_read_files(struct mf_context *ctx, struct mf_rules *rules, int dirfd)
{
	struct dirent **names = NULL;
	int n = scandirat(dirfd, ".", &names, is_rule_file, alphasort), r = 0;

	if (n < 0)
		return mf_fail(ctx, MF_STAGE_POLICY, -errno, "/" MF_RULES_DIRECTORY, NULL);
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *text = NULL;
		size_t len;

		if (!r) {
			r = mf_file_read_at(dirfd, names[i]->d_name, MF_RULE_FILE_MAX, &text, &len);
			if (r < 0)
				mf_fail(ctx, MF_STAGE_POLICY, r, names[i]->d_name, NULL);
			else if (strlen(text) != len)
				r = mf_fail(ctx, MF_STAGE_POLICY, -MFE_CONFIG, names[i]->d_name,
					    "it holds a NUL byte");
			else
				r = parse_file(ctx, rules, text, names[i]->d_name);
		}
		free(names[i]);
	}
	free(names);
	return r;
}

int mf_rules_read(struct mf_context *ctx, struct mf_rules **ret_rules)
{
	_cleanup_close_ int dirfd =
		mf_context_open(ctx, MF_RULES_DIRECTORY, O_RDONLY | O_DIRECTORY);
	struct mf_rules *rules = calloc(1, sizeof(*rules));
	int r = 0;

	if (rules && ctx->kernel)
		rules->kernel = strdup(ctx->kernel);
	if (!rules || (ctx->kernel && !rules->kernel)) {
		mf_rules_free(rules);
		return mf_fail(ctx, MF_STAGE_POLICY, -ENOMEM, "/" MF_RULES_DIRECTORY, NULL);
	}
	if (dirfd >= 0)
		r = rule_read_files(ctx, rules, dirfd);
	else if (dirfd != -ENOENT)
		r = mf_fail(ctx, MF_STAGE_POLICY, dirfd, "/" MF_RULES_DIRECTORY, NULL);
	if (r < 0) {
		mf_rules_free(rules);
		return r;
	}
	*ret_rules = rules;
	return 0;
}

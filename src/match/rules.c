/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parses policy.d and applies its rules.
 *
 * A rule is a list of conditions that all must hold; the first rule whose conditions hold decides.
 * A line that cannot be parsed fails the whole run, because a rule that is ignored silently would
 * be a hole. Names are compared as the indexes spell them ('-' is '_'), so that spelling cannot
 * evade a rule. kmod's own configuration is not read here but in src/match/policy.c.
 */
#include "modfetch/rules.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"

#define FILE_MAX     (256U << 10)
#define VALUE_MAX    (MF_MODALIAS_MAX + 1)
#define N_CONDITIONS 8

typedef bool holds(const struct mf_facts *facts, const char *value);

static bool match_glob(const char *glob, const char *text)
{
	return text && !fnmatch(glob, text, 0);
}

static bool has_bus(const char *modalias, const char *value)
{
	size_t len = strlen(value);

	return !strncasecmp(modalias, value, len) && modalias[len] == ':';
}

/* The hex digits after three marks of a modalias: "bc02sc80i00" gives 028000. */
static bool find_class(const char *modalias, char ret_class[7])
{
	static const struct {
		const char *bus, *marks[3];
	} forms[] = { { "pci:", { "bc", "sc", "i" } }, { "usb:", { "ic", "isc", "ip" } } };

	for (size_t i = 0; i < MF_ARRAY_SIZE(forms); i++) {
		const char *p = modalias;
		size_t n = 0;

		if (!mf_starts_with(modalias, forms[i].bus))
			continue;
		for (size_t j = 0; j < 3; j++) {
			p = strstr(p, forms[i].marks[j]);
			if (!p)
				return false;
			p += strlen(forms[i].marks[j]);
			for (size_t k = 0; k < 2 && isxdigit((unsigned char)p[k]); k++)
				ret_class[n++] = p[k];
		}
		ret_class[n] = '\0';
		return n == 6;
	}
	return false;
}

static bool has_class(const char *modalias, const char *value)
{
	char class[7];

	return find_class(modalias, class) && !strncasecmp(class, value, strlen(value));
}

static bool has_modalias(const char *modalias, const char *value)
{
	/* a value copied from a device may have brackets, which are literal there */
	return match_glob(value, modalias) || !strcmp(value, modalias);
}

/* Does the condition hold for the requested modalias or for that of the device? */
static bool holds_for_any(const struct mf_facts *facts, const char *value,
			  bool (*has)(const char *modalias, const char *value))
{
	return (facts->modalias && has(facts->modalias, value)) ||
	       (facts->device && has(facts->device, value));
}

static bool is_bus(const struct mf_facts *facts, const char *value)
{
	return holds_for_any(facts, value, has_bus);
}

static bool is_class(const struct mf_facts *facts, const char *value)
{
	return holds_for_any(facts, value, has_class);
}

static bool is_modalias(const struct mf_facts *facts, const char *value)
{
	return holds_for_any(facts, value, has_modalias);
}

static bool rule_is_module(const struct mf_facts *facts, const char *value)
{
	return match_glob(value, facts->module);
}

static bool is_package(const struct mf_facts *facts, const char *value)
{
	return match_glob(value, facts->package);
}

static bool is_repository(const struct mf_facts *facts, const char *value)
{
	return match_glob(value, facts->repository);
}

static bool is_removable(const struct mf_facts *facts, const char *value)
{
	return facts->removable == MF_REMOVABLE;
}

static bool is_fixed(const struct mf_facts *facts, const char *value)
{
	return facts->removable == MF_FIXED;
}

/* All conditions. */
static const struct kind {
	const char *word;
	holds *holds;
	bool has_value;
	bool spelling; /* its value is normalized as the indexes spell names */
} kinds[N_CONDITIONS] = {
	{ "bus", is_bus, true, false },		 { "class", is_class, true, false },
	{ "modalias", is_modalias, true, true }, { "removable", is_removable, false, false },
	{ "fixed", is_fixed, false, false },	 { "module", rule_is_module, true, true },
	{ "package", is_package, true, false },	 { "repository", is_repository, true, false },
};

struct condition {
	const struct kind *kind;
	char *value;
};

struct rule {
	bool deny;
	struct condition conditions[N_CONDITIONS];
	size_t n;
	char *text;
};

struct mf_rules {
	struct rule *v;
	size_t n;
};

static void rule_done(struct rule *rule)
{
	for (size_t i = 0; i < rule->n; i++)
		free(rule->conditions[i].value);
	free(rule->text);
	*rule = (struct rule){ 0 };
}

void mf_rules_free(struct mf_rules *rules)
{
	if (!rules)
		return;
	for (size_t i = 0; i < rules->n; i++)
		rule_done(&rules->v[i]);
	free(rules->v);
	free(rules);
}

/* ---- parsing ---- */

static const struct kind *kind_of(const char *word)
{
	for (size_t i = 0; i < N_CONDITIONS; i++)
		if (!strcmp(kinds[i].word, word))
			return &kinds[i];
	return NULL;
}

/* Adds the condition "KEY VALUE" or "KEY". Returns the number of words used, -EINVAL or -ENOMEM. */
static int parse_condition(struct rule *rule, const char *const *words, size_t n)
{
	const struct kind *kind = kind_of(words[0]);
	struct condition *c = &rule->conditions[rule->n];
	char value[VALUE_MAX] = "";

	if (!kind || rule->n == N_CONDITIONS || (kind->has_value && n < 2))
		return -EINVAL;
	if (kind->has_value && kind->spelling &&
	    mf_alias_normalize(words[1], value, sizeof(value)) < 0)
		return -EINVAL;
	if (kind->has_value && !kind->spelling &&
	    snprintf(value, sizeof(value), "%s", words[1]) >= (int)sizeof(value))
		return -EINVAL;
	c->kind = kind;
	c->value = strdup(value);
	if (!c->value)
		return -ENOMEM;
	rule->n++;
	return kind->has_value ? 2 : 1;
}

/* Parses the words of a rule, "deny bus usb removable". 0, -EINVAL or -ENOMEM. */
static int parse_rule(struct rule *rule, const char *const *words, size_t n)
{
	if (n < 2 || (strcmp(words[0], "allow") && strcmp(words[0], "deny")))
		return -EINVAL;
	rule->deny = !strcmp(words[0], "deny");
	for (size_t i = 1; i < n;) {
		int taken = parse_condition(rule, words + i, n - i);

		if (taken < 0)
			return taken;
		i += (size_t)taken;
	}
	return 0;
}

static char *rule_join(const char *const *words, size_t n)
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

/* Splits at blanks; commas belong to words, since modaliases contain them. */
static int rule_split(struct mf_strings *words, const char *line)
{
	for (;;) {
		size_t len;
		int r;

		line += strspn(line, " \t\r");
		len = strcspn(line, " \t\r");
		if (!len)
			return 0;
		r = mf_strings_addn(words, line, len);
		if (r < 0)
			return r;
		line += len;
	}
}

static int rule_add_line(struct mf_rules *rules, const struct mf_strings *words, const char *file,
			 unsigned int line)
{
	struct rule *v = reallocarray(rules->v, rules->n + 1, sizeof(*v)), *rule;
	const char *const *w = (const char *const *)words->v;
	_cleanup_free_ char *text = rule_join(w, words->n);
	int r;

	if (!v)
		return -ENOMEM;
	rules->v = v;
	rule = &v[rules->n];
	*rule = (struct rule){ 0 };
	r = parse_rule(rule, w, words->n);
	if (!r && text)
		rule->text = mf_format("%s (%s, line %u)", text, file, line);
	if (!r && !rule->text)
		r = -ENOMEM;
	if (r < 0) {
		rule_done(rule);
		return r;
	}
	rules->n++;
	return 0;
}

static int parse_file(struct mf_context *ctx, struct mf_rules *rules, char *text, const char *file)
{
	unsigned int number = 0;
	char *line;

	while ((line = strsep(&text, "\n"))) {
		_cleanup_(mf_strings_done) struct mf_strings words = { 0 };
		int r;

		number++;
		line[strcspn(line, "#")] = '\0';
		r = rule_split(&words, line);
		if (!r && words.n)
			r = rule_add_line(rules, &words, file, number);
		if (r == -EINVAL)
			return mf_fail(ctx, MF_STAGE_POLICY, -MFE_CONFIG, file,
				       "line %u is not a rule; see modfetch-policy(5)", number);
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
			r = mf_file_read_at(dirfd, names[i]->d_name, FILE_MAX, &text, &len);
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

	if (!rules)
		return mf_fail(ctx, MF_STAGE_POLICY, -ENOMEM, "/" MF_RULES_DIRECTORY, NULL);
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

/* ---- applying ---- */

static bool rule_applies(const struct rule *rule, const struct mf_facts *facts)
{
	for (size_t i = 0; i < rule->n; i++)
		if (!rule->conditions[i].kind->holds(facts, rule->conditions[i].value))
			return false;
	return true;
}

int mf_rules_ask(const struct mf_rules *rules, const struct mf_facts *facts, const char **ret_rule)
{
	for (size_t i = 0; i < rules->n; i++) {
		if (!rule_applies(&rules->v[i], facts))
			continue;
		if (rules->v[i].deny)
			*ret_rule = rules->v[i].text;
		return rules->v[i].deny;
	}
	return 0;
}

/* ---- the file of `modfetch deny` and `allow` ---- */

/* Writes the conditions in full: "foo" becomes "module foo". NULL: no memory. */
static char *conditions_text(const char *const *words, size_t n)
{
	const char *key = NULL;

	if (n == 1 && !kind_of(words[0]))
		key = strchr(words[0], ':')	 ? "modalias"
		      : strstr(words[0], "-kmp") ? "package"
						 : "module";
	if (!key)
		return rule_join(words, n);
	return mf_format("%s %s", key, words[0]);
}

static int check_conditions(struct mf_context *ctx, const char *conditions)
{
	_cleanup_(mf_strings_done) struct mf_strings words = { 0 };
	_cleanup_(rule_done) struct rule rule = { 0 };
	_cleanup_free_ char *line = NULL;
	int r;

	line = strpbrk(conditions, "#\n") ? NULL : mf_format("deny %s", conditions);
	r = line ? rule_split(&words, line) : -EINVAL;
	if (!r)
		r = parse_rule(&rule, (const char *const *)words.v, words.n);
	return r == -EINVAL ? mf_fail(ctx, MF_STAGE_POLICY, -MFE_USAGE, conditions,
				      "not a condition; see modfetch-policy(5)")
			    : r;
}

/* Is LINE a rule with these CONDITIONS? */
static bool is_rule_about(const char *line, const char *conditions)
{
	static const char *const verbs[] = { "allow ", "deny " };

	for (size_t i = 0; i < 2; i++)
		if (mf_starts_with(line, verbs[i]) && !strcmp(line + strlen(verbs[i]), conditions))
			return true;
	return false;
}

static int rule_publish(int dirfd, const char *rule, const char *conditions, char *old)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	char *line;
	bool first = true;

	if (!f)
		return -ENOMEM;
	fprintf(f, "%s\n", rule);
	while ((line = strsep(&old, "\n"))) {
		if (first && !strcmp(line, rule)) {
			fclose(f);
			return 1;
		}
		first = false;
		if (*line && !is_rule_about(line, conditions))
			fprintf(f, "%s\n", line);
	}
	if (fclose(f))
		return -ENOMEM;
	return mf_file_publish(dirfd, MF_RULES_ADMIN, 0644, text, len);
}

int mf_rules_set(struct mf_context *ctx, bool deny, const char *const *words, size_t n_words)
{
	_cleanup_free_ char *conditions = conditions_text(words, n_words), *rule = NULL,
			    *old = NULL;
	_cleanup_close_ int dirfd = -1;
	size_t len;
	int r;

	if (conditions)
		rule = mf_format("%s %s", deny ? "deny" : "allow", conditions);
	if (!rule)
		return mf_fail(ctx, MF_STAGE_POLICY, -ENOMEM, "rule", NULL);
	r = check_conditions(ctx, conditions);
	if (r < 0)
		return r;
	dirfd = mf_context_mkdir(ctx, MF_RULES_DIRECTORY);
	r = dirfd < 0 ? dirfd : mf_file_read_at(dirfd, MF_RULES_ADMIN, FILE_MAX, &old, &len);
	if (r == -ENOENT && dirfd >= 0)
		r = 0;
	if (!r)
		r = rule_publish(dirfd, rule, conditions, old);
	return r < 0 ? mf_fail(ctx, MF_STAGE_POLICY, r, "/" MF_RULES_DIRECTORY "/" MF_RULES_ADMIN,
			       NULL)
		     : r;
}

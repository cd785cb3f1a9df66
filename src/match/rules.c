/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Applies the rules of policy.d.
 *
 * A rule is a list of conditions that all must hold. Of the rules to allow and to deny the first
 * one whose conditions hold decides; of those to hold and to prefer, each one counts. Names are
 * compared as the indexes spell them ('-' is '_'), so that spelling cannot evade a rule, and a
 * package is also known by its name without flavor and kernel, so that a rule about it outlives a
 * kernel. kmod's own configuration is not read here but in src/match/policy.c.
 */
#include "modfetch/rules.h"
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/asked.h"
#include "modfetch/cleanup.h"
#include "modfetch/similar.h"
#include "modfetch/strings.h"
#include "rules-private.h"

/* KERNEL: the release of the run, or NULL. */
typedef bool holds(const struct mf_facts *facts, const char *kernel, const char *value);

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

static bool is_bus(const struct mf_facts *facts, const char *kernel, const char *value)
{
	return holds_for_any(facts, value, has_bus);
}

static bool is_class(const struct mf_facts *facts, const char *kernel, const char *value)
{
	return holds_for_any(facts, value, has_class);
}

static bool is_modalias(const struct mf_facts *facts, const char *kernel, const char *value)
{
	return holds_for_any(facts, value, has_modalias);
}

static bool rule_is_module(const struct mf_facts *facts, const char *kernel, const char *value)
{
	return match_glob(value, facts->module);
}

/* "igb-kmp-amd64-6.1.0_56" without the last part, if that begins with a digit; or up to "-kmp". */
static bool is_shorter_package(const char *package, const char *value)
{
	const char *kmp = NULL, *dash;
	_cleanup_free_ char *name = NULL;

	for (const char *p = package; (p = strstr(p, "-kmp-")); p++)
		kmp = p + strlen("-kmp");
	if (!kmp)
		return false;
	name = strdup(package);
	dash = strrchr(kmp + 1, '-');
	if (!name)
		return false;
	if (dash && isdigit((unsigned char)dash[1])) {
		name[dash - package] = '\0';
		if (match_glob(value, name))
			return true;
	}
	name[kmp - package] = '\0';
	return match_glob(value, name);
}

static bool is_package(const struct mf_facts *facts, const char *kernel, const char *value)
{
	_cleanup_free_ char *name = NULL;
	enum mf_asked_kind kind;

	if (match_glob(value, facts->package))
		return true;
	if (!facts->package || is_shorter_package(facts->package, value))
		return facts->package;
	name = kernel ? mf_asked_short_name(facts->package, kernel, &kind) : NULL;
	return match_glob(value, name);
}

static bool is_repository(const struct mf_facts *facts, const char *kernel, const char *value)
{
	return match_glob(value, facts->repository);
}

static bool is_removable(const struct mf_facts *facts, const char *kernel, const char *value)
{
	return facts->removable == MF_REMOVABLE;
}

static bool is_fixed(const struct mf_facts *facts, const char *kernel, const char *value)
{
	return facts->removable == MF_FIXED;
}

/* What a condition is about. */
enum subject { OF_DEVICE, OF_MODULE, OF_PACKAGE, OF_REPOSITORY };

/* All conditions. */
#define KIND(word) word, "no such condition; did you mean " word "?"
static const struct mf_rule_kind {
	const char *word;
	const char *meant; /* the hint where a similar word was written */
	holds *holds;
	bool has_value;
	bool spelling; /* its value is normalized as the indexes spell names */
	enum subject subject;
} kinds[MF_RULE_CONDITIONS] = {
	{ KIND("bus"), is_bus, true, false, OF_DEVICE },
	{ KIND("class"), is_class, true, false, OF_DEVICE },
	{ KIND("modalias"), is_modalias, true, true, OF_DEVICE },
	{ KIND("removable"), is_removable, false, false, OF_DEVICE },
	{ KIND("fixed"), is_fixed, false, false, OF_DEVICE },
	{ KIND("module"), rule_is_module, true, true, OF_MODULE },
	{ KIND("package"), is_package, true, false, OF_PACKAGE },
	{ KIND("repository"), is_repository, true, false, OF_REPOSITORY },
};
#undef KIND

const char *mf_rule_kind_meant(const char *word)
{
	_cleanup_(mf_similar_done) struct mf_similar similar = { .word = word };

	for (size_t i = 0; i < MF_RULE_CONDITIONS; i++)
		mf_similar_offer(&similar, kinds[i].word);
	return similar.found.n ? mf_rule_kind_find(similar.found.v[0])->meant : NULL;
}

const struct mf_rule_kind *mf_rule_kind_find(const char *word)
{
	for (size_t i = 0; i < MF_RULE_CONDITIONS; i++)
		if (!strcmp(kinds[i].word, word))
			return &kinds[i];
	return NULL;
}

bool mf_rules_is_condition(const char *word)
{
	return mf_rule_kind_find(word);
}

bool mf_rule_kind_has_value(const struct mf_rule_kind *kind)
{
	return kind->has_value;
}

bool mf_rule_kind_is_spelling(const struct mf_rule_kind *kind)
{
	return kind->spelling;
}

bool mf_rule_kind_fits(const struct mf_rule_kind *kind, enum mf_rule_verb verb,
		       const char **ret_why)
{
	if (verb != MF_RULE_HOLD && verb != MF_RULE_PREFER)
		return true;
	if (kind->subject == OF_DEVICE) {
		*ret_why = "hold and prefer are about packages, which have no bus, class or "
			   "modalias and are neither removable nor fixed";
		return false;
	}
	if (kind->subject == OF_REPOSITORY && verb == MF_RULE_HOLD) {
		*ret_why = "it is not known which repository an installed package came from, so "
			   "hold takes module and package only";
		return false;
	}
	return true;
}

void mf_rule_entry_done(struct mf_rule_entry *entry)
{
	for (size_t i = 0; i < entry->n; i++)
		free(entry->conditions[i].value);
	free(entry->text);
	free(entry->file);
	free(entry->place);
	*entry = (struct mf_rule_entry){ 0 };
}

void mf_rules_free(struct mf_rules *rules)
{
	if (!rules)
		return;
	for (size_t i = 0; i < rules->n; i++)
		mf_rule_entry_done(&rules->v[i]);
	free(rules->v);
	free(rules->kernel);
	free(rules);
}

bool mf_rules_names_package(const char *glob, const char *package, const char *kernel)
{
	return is_package(&(struct mf_facts){ .package = package }, kernel, glob);
}

/* ---- questions ---- */

static bool rule_applies(const struct mf_rules *rules, const struct mf_rule_entry *rule,
			 const struct mf_facts *facts)
{
	for (size_t i = 0; i < rule->n; i++) {
		const struct mf_rule_condition *c = &rule->conditions[i];

		if (!c->kind->holds(facts, rules->kernel, c->value))
			return false;
	}
	return true;
}

int mf_rules_ask(const struct mf_rules *rules, const struct mf_facts *facts, const char **ret_rule)
{
	for (size_t i = 0; i < rules->n; i++) {
		const struct mf_rule_entry *rule = &rules->v[i];

		if ((rule->verb != MF_RULE_ALLOW && rule->verb != MF_RULE_DENY) ||
		    !rule_applies(rules, rule, facts))
			continue;
		if (rule->verb == MF_RULE_DENY)
			*ret_rule = rule->place;
		return rule->verb == MF_RULE_DENY;
	}
	return 0;
}

bool mf_rules_any(const struct mf_rules *rules, enum mf_rule_verb verb)
{
	for (size_t i = 0; rules && i < rules->n; i++)
		if (rules->v[i].verb == verb)
			return true;
	return false;
}

const struct mf_rule *mf_rules_find(const struct mf_rules *rules, enum mf_rule_verb verb,
				    const struct mf_facts *facts)
{
	for (size_t i = 0; rules && i < rules->n; i++)
		if (rules->v[i].verb == verb && rule_applies(rules, &rules->v[i], facts))
			return &rules->v[i].rule;
	return NULL;
}

/* Does it apply to the package as a whole, or by one of the modules? */
static bool rule_applies_to_any(const struct mf_rules *rules, const struct mf_rule_entry *rule,
				const struct mf_facts *facts, const struct mf_strings *modules)
{
	struct mf_facts each = *facts;

	each.module = NULL;
	if (rule_applies(rules, rule, &each))
		return true;
	for (size_t i = 0; i < modules->n; i++) {
		each.module = modules->v[i];
		if (rule_applies(rules, rule, &each))
			return true;
	}
	return false;
}

const struct mf_rule *mf_rules_find_package(const struct mf_rules *rules, enum mf_rule_verb verb,
					    const struct mf_facts *facts,
					    const struct mf_strings *modules)
{
	const struct mf_rule *found = NULL;

	for (size_t i = 0; rules && i < rules->n; i++) {
		const struct mf_rule_entry *rule = &rules->v[i];

		if (rule->verb != verb || (found && rule->rule.of_repository) ||
		    !rule_applies_to_any(rules, rule, facts, modules))
			continue;
		if (!rule->rule.of_repository)
			return &rule->rule;
		found = &rule->rule;
	}
	return found;
}

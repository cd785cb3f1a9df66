/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by hold, unhold and prefer: decisions of the admin about packages, as rules of policy.d.
 *
 * A word is the name of a module or of a package, with or without flavor and kernel, or a pattern;
 * for prefer, the id of a repository before that. It is looked up in what is installed and in the
 * repositories, so that a misspelled name is refused and not stored. Conditions written in full
 * ("module igb repository vendor") are taken as they are. Nothing is installed or removed.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/catalog.h"
#include "modfetch/cleanup.h"
#include "modfetch/held.h"
#include "modfetch/libkmod.h"
#include "modfetch/module-name.h"
#include "modfetch/similar.h"
#include "cmd.h"
#include "rule-change.h"

#define ADMIN_FILE "/" MF_RULES_DIRECTORY "/" MF_RULES_ADMIN

static void hold_catalog_cleanup(struct mf_catalog **catalog)
{
	mf_catalog_free(*catalog);
}

static void hold_rules_cleanup(struct mf_rules **rules)
{
	mf_rules_free(*rules);
}

/* ---- what a word names ---- */

struct naming {
	struct cmd *cmd;
	const char *word;
	char module[MF_MODALIAS_MAX + 1]; /* the word as modules are spelled, or "" */
	bool is_module, is_package;
	bool no_repository; /* there is none, or no metadata */
	struct mf_similar similar;
};

static void naming_done(struct naming *n)
{
	mf_similar_done(&n->similar);
}

static void naming_look(struct naming *n, const char *package, const char *module)
{
	n->is_package |= package && mf_rules_names_package(n->word, package, n->cmd->ctx.kernel);
	n->is_module |= module && *n->module && !fnmatch(n->module, module, 0);
	if (module)
		mf_similar_offer(&n->similar, module);
}

static int hold_on_installed(void *arg, const struct mf_installed *package)
{
	struct naming *n = arg;

	naming_look(n, package->name, NULL);
	for (size_t i = 0; i < package->modules->n; i++)
		naming_look(n, NULL, package->modules->v[i]);
	return 0;
}

static int hold_on_module(void *arg, const char *module, const char *package, size_t repo)
{
	(void)repo;
	naming_look(arg, package, module);
	return 0;
}

/* Looks in the repositories, as far as there are any. 0 or a recorded failure. */
static int naming_look_in_repositories(struct cmd *cmd, struct naming *n)
{
	_cleanup_(hold_catalog_cleanup) struct mf_catalog *catalog = NULL;
	struct mf_pool *pool = NULL;
	int r = cmd->ctx.kernel ? mf_catalog_open(&cmd->ctx, &catalog) : -MFE_NO_REPOSITORY;

	if (r == -MFE_NO_REPOSITORY || r == -MFE_NO_METADATA) {
		cmd->ctx.failure = (struct mf_failure){ 0 };
		n->no_repository = true;
		return 0;
	}
	if (!r)
		r = mf_catalog_each_module(catalog, hold_on_module, n);
	if (!r)
		r = mf_catalog_pool(&cmd->ctx, catalog, &pool);
	for (size_t i = 0; !r && i < mf_catalog_repos(catalog)->n; i++) {
		_cleanup_free_ int *of_repo = NULL;
		size_t n_ids = 0;

		if (mf_pool_list(pool, (int)i, &of_repo, &n_ids) < 0)
			r = mf_fail(&cmd->ctx, MF_STAGE_COMMAND, -ENOMEM, n->word, NULL);
		for (size_t j = 0; !r && j < n_ids; j++)
			naming_look(n, mf_pool_name(pool, of_repo[j]), NULL);
	}
	return r;
}

static int naming_look_everywhere(struct cmd *cmd, struct naming *n)
{
	int r;

	n->similar.word = n->word;
	if (mf_alias_normalize(n->word, n->module, sizeof(n->module)) < 0)
		*n->module = '\0';
	r = mf_installed_each(&cmd->ctx, NULL, hold_on_installed, n);
	return r < 0 ? r : naming_look_in_repositories(cmd, n);
}

static int naming_fail(struct cmd *cmd, const struct naming *n, const char *where)
{
	_cleanup_free_ char *hint = mf_similar_text(&n->similar);

	return mf_fail(&cmd->ctx, MF_STAGE_COMMAND, -MFE_NOT_FOUND, n->word,
		       "%s has a package or module of this name%s%s", where, hint ? "; " : "",
		       hint ? hint : "");
}

static const char *naming_key(const struct naming *n, bool glob)
{
	/* a pattern for packages often matches modules too: "igb*" */
	bool is_module = n->is_module && !(glob && n->is_package);

	return is_module || (!n->is_package && !strstr(n->word, "-kmp")) ? "module" : "package";
}

static bool is_glob(const char *word)
{
	return strpbrk(word, "*?[");
}

/* The word of the condition for a name: "module", "package". 0 or a recorded failure. */
static int hold_key(struct cmd *cmd, const char *word, const char **ret_key)
{
	_cleanup_(naming_done) struct naming n = { .cmd = cmd, .word = word };
	int r = naming_look_everywhere(cmd, &n);

	if (r < 0)
		return r;
	if (!n.is_module && !n.is_package && !is_glob(word))
		return naming_fail(cmd, &n, "no installed package and no repository");
	*ret_key = naming_key(&n, is_glob(word));
	return 0;
}

/* Is it a module on disk or in the kernel? 0 or a recorded failure. */
static int naming_look_on_disk(struct cmd *cmd, struct naming *n)
{
	struct mf_kmod *kmod = NULL;
	int r = cmd->ctx.kernel && *n->module ? mf_kmod_new(&cmd->ctx, &kmod) : 1;

	if (!r)
		n->is_module |= mf_kmod_presence(kmod, n->module) != MF_ABSENT;
	mf_kmod_free(kmod);
	return r < 0 ? r : 0;
}

int cmd_rule_key(struct cmd *cmd, const char *word, const char **ret_key)
{
	_cleanup_(naming_done) struct naming n = { .cmd = cmd, .word = word };
	int r = naming_look_everywhere(cmd, &n);

	if (!r && !n.is_module && !n.is_package)
		r = naming_look_on_disk(cmd, &n);
	if (r < 0)
		return r;
	if (!n.is_module && !n.is_package && !n.no_repository && !is_glob(word))
		return naming_fail(cmd, &n, "neither this machine nor a repository");
	*ret_key = naming_key(&n, is_glob(word));
	return 0;
}

static int is_repository(struct cmd *cmd, const char *word)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	int r = mf_repos_read(&cmd->ctx, &repos);

	for (size_t i = 0; !r && i < repos.n; i++)
		if (!strcmp(repos.v[i].id, word))
			r = 1;
	return r;
}

/* ---- the rules ---- */

/* A change of the admin's rules. */
struct change {
	struct cmd *cmd;
	enum mf_rule_verb verb;
	const char *name; /* of the verb on the command line */
	bool remove;
	struct mf_strings rules;    /* added or removed: "hold package igb-kmp" */
	struct mf_strings packages; /* that are held now: "name-evr.arch" */
	struct mf_strings words;    /* what they are about, "igb-kmp" */
};

static void change_done(struct change *c)
{
	mf_strings_done(&c->rules);
	mf_strings_done(&c->packages);
	mf_strings_done(&c->words);
}

/* "prefer module igb repository vendor"; NULL: no memory. */
static char *change_text(const struct change *c, const char *const *words, size_t n)
{
	char *text = strdup(c->verb == MF_RULE_HOLD ? "hold" : "prefer");

	for (size_t i = 0; text && i < n; i++) {
		_cleanup_free_ char *before = text;

		text = mf_format("%s %s", before, words[i]);
	}
	return text;
}

/* Adds or removes one rule. 0, or a recorded failure. */
static int change_rule(struct change *c, const char *const *words, size_t n)
{
	struct cmd *cmd = c->cmd;
	_cleanup_free_ char *rule = NULL;
	int r = c->remove ? mf_rules_unset(&cmd->ctx, c->verb, words, n, cmd->dry_run)
			  : mf_rules_set(&cmd->ctx, c->verb, words, n, cmd->dry_run);

	if (r)
		return r < 0 ? r : 0;
	rule = change_text(c, words, n);
	return rule && mf_strings_add(&c->rules, rule) >= 0
		       ? 0
		       : mf_fail(&cmd->ctx, MF_STAGE_COMMAND, -ENOMEM, c->name, NULL);
}

/* Removes the rules whose only condition is WORD, whatever kind of name it was taken for. */
static int change_remove_name(struct change *c, const char *word)
{
	static const char *const keys[] = { "package", "module", "repository" };
	size_t n = c->verb == MF_RULE_PREFER ? 3 : 2;
	int r = 0;

	for (size_t i = 0; !r && i < n; i++)
		r = change_rule(c, (const char *const[]){ keys[i], word }, 2);
	return r;
}

/* Finds what each word names before anything is written. */
static int change_add_names(struct change *c, int n, char **words)
{
	_cleanup_free_ const char **keys = calloc((size_t)n, sizeof(*keys));
	int r = 0;

	if (!keys)
		return mf_fail(&c->cmd->ctx, MF_STAGE_COMMAND, -ENOMEM, c->name, NULL);
	for (int i = 0; !r && i < n; i++) {
		r = c->verb == MF_RULE_PREFER ? is_repository(c->cmd, words[i]) : 0;
		if (r == 1)
			keys[i] = "repository";
		r = r < 0 ? r : keys[i] ? 0 : hold_key(c->cmd, words[i], &keys[i]);
	}
	for (int i = 0; !r && i < n; i++)
		r = change_rule(c, (const char *const[]){ keys[i], words[i] }, 2);
	return r;
}

/* ---- the result ---- */

static bool is_about(const struct change *c, const struct mf_installed *package)
{
	for (size_t i = 0; i < c->words.n; i++) {
		_cleanup_(naming_done) struct naming n = { .cmd = c->cmd, .word = c->words.v[i] };

		n.similar.word = n.word;
		if (mf_alias_normalize(n.word, n.module, sizeof(n.module)) < 0)
			*n.module = '\0';
		hold_on_installed(&n, package);
		if (n.is_module || n.is_package)
			return true;
	}
	return false;
}

/* Notes a package that is held now; after unhold that is a failure. */
static int change_on_installed(void *arg, const struct mf_installed *package)
{
	struct change *c = arg;
	_cleanup_free_ char *label = NULL, *way_out = NULL;

	if (!package->rule || !is_about(c, package))
		return 0;
	label = mf_format("%s-%s.%s", package->name, package->evr, package->arch);
	way_out = mf_held_way_out(package->rule);
	if (!label || !way_out)
		return mf_fail(&c->cmd->ctx, MF_STAGE_COMMAND, -ENOMEM, c->name, NULL);
	if (c->remove)
		return mf_fail(&c->cmd->ctx, MF_STAGE_COMMAND, -MFE_DENIED, label,
			       "it is still held (%s, %s line %u); to change it: %s",
			       package->rule->text, package->rule->file, package->rule->line,
			       way_out);
	return mf_strings_add_unique(&c->packages, label);
}

static int change_find_held(struct change *c)
{
	_cleanup_(hold_rules_cleanup) struct mf_rules *rules = NULL;
	int r = mf_rules_read(&c->cmd->ctx, &rules);

	if (!r)
		r = mf_installed_each(&c->cmd->ctx, rules, change_on_installed, c);
	mf_strings_sort(&c->packages);
	return r;
}

static void change_print(struct change *c)
{
	struct cmd *cmd = c->cmd;

	if (cmd->json) {
		struct mf_json *o = mf_json_object();

		mf_json_set_string(o, "verb", c->name);
		mf_json_set_string(o, "file", ADMIN_FILE);
		mf_json_set_strings(o, c->remove ? "removed" : "added", &c->rules);
		if (c->verb == MF_RULE_HOLD && !c->remove)
			mf_json_set_strings(o, "held", &c->packages);
		mf_json_set_bool(o, "changed", c->rules.n && !cmd->dry_run);
		cmd_json(cmd, o, true);
		mf_json_free(o);
		return;
	}
	for (size_t i = 0; !cmd->quiet && i < c->rules.n; i++)
		cmd_line("%s %s " ADMIN_FILE ": %s", cmd->dry_run ? "would be" : "was",
			 c->remove ? "removed from" : "written to", c->rules.v[i]);
	if (!cmd->quiet && !c->rules.n)
		cmd_line("nothing to do, %s " ADMIN_FILE,
			 c->remove ? "no such rule is in" : "the rule is already in");
	for (size_t i = 0; !cmd->quiet && i < c->packages.n; i++)
		cmd_line("%s is held", c->packages.v[i]);
	if (!cmd->quiet && c->verb == MF_RULE_HOLD && !c->remove && !c->packages.n && !cmd->dry_run)
		cmd_line("no package that is installed now is held by it");
}

/* Does the change for the N arguments WORDS: names, or the conditions of one rule. */
static int change_run(struct change *c, int n, char **words)
{
	bool conditions = n > 0 && mf_rules_is_condition(words[0]);
	_cleanup_(hold_rules_cleanup) struct mf_rules *rules = NULL;
	int r;

	if (n < 1)
		return cmd_usage(c->cmd, c->name, "name a module, a package%s or conditions",
				 c->verb == MF_RULE_PREFER ? ", a repository" : "");
	for (int i = 0; i < n; i++)
		if (!*words[i] || *words[i] == '-')
			return cmd_usage(c->cmd, c->name, "there is no option %s", words[i]);
	/* with a line that cannot be parsed no run would work */
	r = mf_rules_read(&c->cmd->ctx, &rules);
	if (!r && conditions)
		r = change_rule(c, (const char *const *)words, (size_t)n);
	for (int i = 0; !r && !conditions && c->remove && i < n; i++)
		r = change_remove_name(c, words[i]);
	if (!r && !conditions && !c->remove)
		r = change_add_names(c, n, words);
	for (int i = conditions ? 1 : 0; !r && i < n; i += conditions ? 2 : 1)
		r = mf_strings_add(&c->words, words[i]);
	if (!r && c->verb == MF_RULE_HOLD && !c->cmd->dry_run)
		r = change_find_held(c);
	if (r < 0)
		return r;
	change_print(c);
	return c->rules.n ? CMD_DONE : CMD_NOTHING;
}

int cmd_rule_change(struct cmd *cmd, enum mf_rule_verb verb, const char *name, bool remove, int n,
		    char **words)
{
	_cleanup_(change_done) struct change c = {
		.cmd = cmd, .verb = verb, .name = name, .remove = remove
	};

	return change_run(&c, n, words);
}

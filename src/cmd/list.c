/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * list: what is on this machine.
 *
 * Each kind of list is a row of a table: an option, and a function that collects and prints it. One
 * option is named. In text each line is one thing, without a summary, so that a script can read it.
 *	--unowned	the modules of the kernel that no package and no tool owns
 *	--initrd	the modules that the initrd of the kernel must have
 *	--installed	the installed driver packages, with their repositories
 *	--updates	those of which there is a newer version
 *	--patterns	the patterns of the repositories
 *	--held		the installed packages that a rule of policy.d holds
 */
#include <getopt.h>
#include <stdio.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/initrd.h"
#include "modfetch/inspect.h"
#include "modfetch/json.h"
#include "update.h"

typedef int list_kind(struct cmd *cmd);

struct unowned {
	struct cmd *cmd;
	struct mf_json *modules; /* NULL: print text */
};

/* ---- --unowned ---- */

static int list_on_module(void *arg, const struct mf_owned *module)
{
	struct unowned *u = arg;
	struct mf_json *o;

	if (module->owner != MF_OWNER_NOBODY)
		return 0;
	if (!u->modules) {
		cmd_line("%s%s%s", module->path, module->target ? " -> " : "",
			 module->target ? module->target : "");
		return 0;
	}
	o = mf_json_object();
	mf_json_set_string(o, "file", module->path);
	mf_json_set_string(o, "target", module->target);
	mf_json_add(u->modules, o);
	return 0;
}

static int list_unowned(struct cmd *cmd)
{
	struct unowned u = { .cmd = cmd, .modules = cmd->json ? mf_json_array() : NULL };
	int r = mf_owned_each(&cmd->ctx, list_on_module, &u);

	if (u.modules) {
		struct mf_json *o = mf_json_object();

		mf_json_set_string(o, "kernel", cmd->ctx.kernel);
		mf_json_set(o, "modules", u.modules);
		if (r >= 0)
			cmd_json(cmd, o, true);
		mf_json_free(o);
	}
	return r < 0 ? r : CMD_DONE;
}

/* ---- --initrd ---- */

/* Prints a line for each name; or all as "KEY" of an object. */
static int print_names(struct cmd *cmd, const char *key, const struct mf_strings *names)
{
	struct mf_json *o;

	for (size_t i = 0; !cmd->json && i < names->n; i++)
		cmd_line("%s", names->v[i]);
	if (!cmd->json)
		return CMD_DONE;
	o = mf_json_object();
	mf_json_set_string(o, "kernel", cmd->ctx.kernel);
	mf_json_set_strings(o, key, names);
	cmd_json(cmd, o, true);
	mf_json_free(o);
	return CMD_DONE;
}

static int list_initrd(struct cmd *cmd)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	int r = mf_initrd_modules(&cmd->ctx, &names);

	return r < 0 ? r : print_names(cmd, "modules", &names);
}

/* ---- packages ---- */

static int list_updates(struct cmd *cmd)
{
	_cleanup_(mf_updates_done) struct mf_updates updates = { 0 };
	int r = mf_updates_find(&cmd->ctx, NULL, &updates);

	if (r < 0)
		return r;
	cmd_print_updates(cmd, &updates);
	return CMD_DONE;
}

static void print_installed(const struct cmd *cmd, const struct mf_updates *installed)
{
	struct cmd_table table = { .columns = 3, .flexible = 0 };

	for (size_t i = 0; i < installed->n; i++) {
		cmd_table_add(&table, CMD_PLAIN, "%s", installed->v[i].name);
		cmd_table_add(&table, CMD_PLAIN, "%s", installed->v[i].installed);
		cmd_table_add(&table, CMD_DIM, "%s",
			      installed->v[i].repo ? installed->v[i].repo : "(of no repository)");
	}
	cmd_table_print(&cmd->terminal, &table, 0);
}

static int list_installed(struct cmd *cmd)
{
	_cleanup_(mf_updates_done) struct mf_updates installed = { 0 };
	struct mf_json *o, *list;
	int r = mf_updates_installed(&cmd->ctx, &installed);

	if (r < 0)
		return r;
	if (!cmd->json) {
		print_installed(cmd, &installed);
		return CMD_DONE;
	}
	o = mf_json_object();
	list = mf_json_array();
	for (size_t i = 0; i < installed.n; i++) {
		struct mf_json *p = mf_json_object();

		mf_json_set_string(p, "name", installed.v[i].name);
		mf_json_set_string(p, "evr", installed.v[i].installed);
		mf_json_set_string(p, "repo", installed.v[i].repo);
		mf_json_add(list, p);
	}
	mf_json_set_string(o, "kernel", cmd->ctx.kernel);
	mf_json_set(o, "installed", list);
	cmd_json(cmd, o, true);
	mf_json_free(o);
	return CMD_DONE;
}

static int list_patterns(struct cmd *cmd)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	int r = mf_updates_patterns(&cmd->ctx, &names);

	return r < 0 ? r : print_names(cmd, "patterns", &names);
}

static list_kind *const kinds[] = { list_unowned, list_initrd,	 list_installed,
				    list_updates, list_patterns, cmd_list_held };

#define NAME_ONE "name one list: --installed, --updates, --patterns, --held, --unowned or --initrd"

int cmd_list(struct cmd *cmd, int argc, char **argv)
{
	/* the value of an option is its place in KINDS */
	static const struct option options[] = {
		{ "unowned", no_argument, NULL, 0 },
		{ "initrd", no_argument, NULL, 1 },
		{ "installed", no_argument, NULL, 2 },
		{ "updates", no_argument, NULL, 3 },
		{ "patterns", no_argument, NULL, 4 },
		{ "held", no_argument, NULL, 5 },
		{ NULL, 0, NULL, 0 },
	};
	list_kind *kind = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c < 0 || (size_t)c >= MF_ARRAY_SIZE(kinds) || kind)
			return cmd_usage(cmd, "list", NAME_ONE);
		kind = kinds[c];
	}
	if (optind < argc)
		return cmd_usage(cmd, "list", "unexpected argument %s", argv[optind]);
	return kind ? kind(cmd) : cmd_usage(cmd, "list", NAME_ONE);
}

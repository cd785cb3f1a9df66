/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * list --held: the installed packages that a rule of policy.d holds, for all kernels of the machine.
 *
 * Each line has the package, and the rule with its file and line: that is where the hold can be
 * changed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/held.h"
#include "cmd.h"

struct held_package {
	char *name, *evr, *arch;
	const struct mf_rule *rule;
};

struct held_list {
	struct mf_context *ctx;
	struct mf_rules *rules;
	struct held_package *v;
	size_t n, room;
};

static void held_list_done(struct held_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->v[i].name);
		free(list->v[i].evr);
		free(list->v[i].arch);
	}
	free(list->v);
	mf_rules_free(list->rules);
}

static int held_on_package(void *arg, const struct mf_installed *package)
{
	struct held_list *list = arg;
	struct held_package *held;

	if (!package->rule)
		return 0;
	if (mf_array_reserve(&list->v, &list->room, list->n + 1, sizeof(*list->v)) < 0)
		return mf_fail(list->ctx, MF_STAGE_COMMAND, -ENOMEM, "list", NULL);
	held = &list->v[list->n++];
	*held = (struct held_package){ strdup(package->name), strdup(package->evr),
				       strdup(package->arch), package->rule };
	return held->name && held->evr && held->arch
		       ? 0
		       : mf_fail(list->ctx, MF_STAGE_COMMAND, -ENOMEM, "list", NULL);
}

static int held_by_name(const void *a, const void *b)
{
	const struct held_package *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r ? r : strcmp(x->evr, y->evr);
}

static void held_list_print_json(struct cmd *cmd, const struct held_list *list)
{
	struct mf_json *o = mf_json_object(), *packages = mf_json_array();

	for (size_t i = 0; i < list->n; i++) {
		const struct held_package *held = &list->v[i];
		struct mf_json *package = mf_json_object();

		mf_json_set_string(package, "name", held->name);
		mf_json_set_string(package, "evr", held->evr);
		mf_json_set_string(package, "arch", held->arch);
		mf_json_set_string(package, "rule", held->rule->text);
		mf_json_set_string(package, "file", held->rule->file);
		mf_json_set_int(package, "line", held->rule->line);
		mf_json_add(packages, package);
	}
	mf_json_set(o, "packages", packages);
	cmd_json(cmd, o, true);
	mf_json_free(o);
}

int cmd_list_held(struct cmd *cmd)
{
	_cleanup_(held_list_done) struct held_list list = { .ctx = &cmd->ctx };
	int r = mf_rules_read(&cmd->ctx, &list.rules);

	if (!r && mf_rules_any(list.rules, MF_RULE_HOLD))
		r = mf_installed_each(&cmd->ctx, list.rules, held_on_package, &list);
	if (r < 0)
		return r;
	if (list.n)
		qsort(list.v, list.n, sizeof(*list.v), held_by_name);
	if (cmd->json)
		held_list_print_json(cmd, &list);
	for (size_t i = 0; !cmd->json && i < list.n; i++) {
		const struct held_package *held = &list.v[i];

		cmd_line("%s-%s.%s  %s (%s, line %u)", held->name, held->evr, held->arch,
			 held->rule->text, held->rule->file, held->rule->line);
	}
	return CMD_DONE;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * key: lists the keys of the repositories, and adds one to a repository.
 *
 * The list has the fingerprint of each, so that it can be compared with the publisher's at any time. An
 * import asks as repo add does. The keys of modules (keys/module.d) are an admin's own matter and not
 * touched.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/repo.h"
#include "modfetch/setup.h"
#include "modfetch/strings.h"
#include "key-trust.h"

/* ---- list ---- */

/* "a b): " */
static void print_users(const struct mf_strings *ids)
{
	for (size_t i = 0; i < ids->n; i++)
		cmd_put("%s%s", i ? " " : "", ids->v[i]);
	cmd_put("%s", ids->n ? "): " : "no repository): ");
}

static void key_print_text(const struct mf_key_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct mf_key_entry *e = &list->v[i];
		_cleanup_free_ char *text = cmd_key_text(e->keyring, &e->certificate);

		cmd_put("%s (used by ", e->file);
		print_users(&e->used_by);
		if (e->why)
			cmd_line("NOT USABLE: %s", e->why);
		else
			cmd_line("%s", text ? text : "");
	}
}

static void key_print_json(struct cmd *cmd, const struct mf_key_list *list)
{
	struct mf_json *o = mf_json_object(), *keys = mf_json_array();

	for (size_t i = 0; i < list->n; i++) {
		const struct mf_key_entry *e = &list->v[i];
		struct mf_json *key = mf_json_object();

		mf_json_set_string(key, "file", e->file);
		mf_json_set_strings(key, "used_by", &e->used_by);
		mf_json_set_string(key, "fault", e->why);
		if (!e->why)
			cmd_key_set(key, e->keyring, &e->certificate);
		mf_json_add(keys, key);
	}
	mf_json_set(o, "keys", keys);
	cmd_json(cmd, o, true);
	mf_json_free(o);
}

static int key_list(struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(mf_key_list_done) struct mf_key_list list = { 0 };
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	int r = argc > 1 ? cmd_usage(cmd, "key list", "unexpected argument %s", argv[1])
			 : mf_repos_read(&cmd->ctx, &repos);

	if (!r)
		r = mf_keys_list(&cmd->ctx, &repos, &list);
	if (r < 0)
		return r;
	if (cmd->json)
		key_print_json(cmd, &list);
	else
		key_print_text(&list);
	return CMD_DONE;
}

/* ---- import ---- */

static bool key_is_url(const char *text)
{
	return mf_starts_with(text, "http://") || mf_starts_with(text, "https://") ||
	       mf_starts_with(text, "file:");
}

static void import_print(struct cmd *cmd, const char *id, const struct mf_key_offer *offer,
			 const char *file, bool changed)
{
	struct mf_json *o;

	if (cmd->json) {
		o = mf_json_object();
		mf_json_set_string(o, "id", id);
		mf_json_set_string(o, "file", file);
		mf_json_set(o, "keys", cmd_keys_json(offer));
		mf_json_set_bool(o, "changed", changed);
		cmd_json(cmd, o, true);
		mf_json_free(o);
		return;
	}
	if (cmd->quiet)
		return;
	cmd_key_print(offer);
	if (!file)
		cmd_line("it would be added to the keys of the repository %s", id);
	else if (changed)
		cmd_line("imported /" MF_KEY_DIRECTORY
			 "/%s for the repository %s; to use it: modfetch refresh %s",
			 file, id, id);
	else
		cmd_line("the repository %s has this key already, in /" MF_KEY_DIRECTORY "/%s", id,
			 file);
}

static int import_to(struct cmd *cmd, const char *id, const char *from, const char *fingerprint)
{
	_cleanup_(mf_key_offer_done) struct mf_key_offer offer = { 0 };
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	_cleanup_free_ char *file = NULL;
	int r = mf_repos_read(&cmd->ctx, &repos);

	if (!r && !mf_repos_find(&repos, id))
		r = mf_repos_not_found(&cmd->ctx, &repos, id);
	if (!r)
		r = key_is_url(from) ? mf_key_offer_fetch(&cmd->ctx, from, id, &offer)
				     : mf_key_offer_read(&cmd->ctx, from, &offer);
	if (!r)
		r = cmd_key_accept(cmd, &offer, id, fingerprint);
	if (!r && !cmd->dry_run)
		r = mf_repo_add_key(&cmd->ctx, id, &offer, &file);
	if (r < 0)
		return r;
	import_print(cmd, id, &offer, file, !r && !cmd->dry_run);
	return r ? CMD_NOTHING : CMD_DONE;
}

static int key_import(struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = {
		{ "key-fingerprint", required_argument, NULL, 'f' },
		{ 0 },
	};
	const char *fingerprint = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return cmd_usage(cmd, "key import",
					 "the only option is --key-fingerprint SHA256");
		if (c == 'f')
			fingerprint = optarg;
	}
	if (optind + 2 != argc)
		return cmd_usage(cmd, "key import",
				 "name the id of a repository, and the file or URL of a key");
	return import_to(cmd, argv[optind], argv[optind + 1], fingerprint);
}

int cmd_key(struct cmd *cmd, int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "list"))
		return key_list(cmd, argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "import"))
		return key_import(cmd, argc - 1, argv + 1);
	return cmd_usage(cmd, "key", "say what to do: list, or import REPOSITORY FILE|URL");
}

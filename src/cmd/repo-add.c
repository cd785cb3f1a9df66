/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * repo add: from the URL of a repository to one that can be used, with one question about its key.
 *
 * The key and the name are fetched and shown first, without the lock, since a person may take minutes to
 * answer. Then the repository is added and refreshed in one step that succeeds or leaves nothing. One
 * that is configured already with this URL, and this key if one is given, is no failure: a script may
 * call the verb twice.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cache.h"
#include "modfetch/cleanup.h"
#include "modfetch/setup.h"
#include "key-trust.h"
#include "repo.h"

struct add_options {
	const char *url, *id, *key, *fingerprint;
};

static int parse_options(struct cmd *cmd, int argc, char **argv, struct add_options *o)
{
	static const struct option options[] = {
		{ "id", required_argument, NULL, 'i' },
		{ "key", required_argument, NULL, 'k' },
		{ "key-fingerprint", required_argument, NULL, 'f' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'i':
			o->id = optarg;
			break;
		case 'k':
			o->key = optarg;
			break;
		case 'f':
			o->fingerprint = optarg;
			break;
		default:
			return cmd_usage(
				cmd, "repo add",
				"the options are --id ID, --key FILE and --key-fingerprint "
				"SHA256");
		}
	}
	if (optind + 1 != argc)
		return cmd_usage(cmd, "repo add", "name the URL of one repository");
	o->url = argv[optind];
	return 0;
}

/* Has the repository a key with the fingerprint, or the first one of FILE? 1, 0 or a failure. */
static int has_key(struct cmd *cmd, const struct mf_repos *repos, const struct mf_repo *repo,
		   const struct add_options *o)
{
	_cleanup_(mf_key_list_done) struct mf_key_list list = { 0 };
	_cleanup_(mf_key_offer_done) struct mf_key_offer offer = { 0 };
	int r = mf_keys_list(&cmd->ctx, repos, &list);

	if (r < 0 || (!o->key && !o->fingerprint))
		return r < 0 ? r : 1;
	if (o->key)
		r = mf_key_offer_read(&cmd->ctx, o->key, &offer);
	for (size_t i = 0; !r && i < list.n; i++) {
		const struct mf_key_entry *e = &list.v[i];
		struct mf_key_offer one = { .v = &list.v[i].certificate,
					    .n = 1,
					    .source = e->file };
		struct mf_saved_failure saved = mf_failure_save(&cmd->ctx);

		if (e->why || !mf_strings_has(&e->used_by, repo->id))
			continue;
		if (!mf_key_offer_choose(&cmd->ctx, &one,
					 o->fingerprint ? o->fingerprint : offer.v[0].fingerprint))
			return 1;
		mf_failure_restore(&saved);
	}
	return r;
}

/* Is it what the URL means? Of a .repo file only the server and the id are known. */
static bool is_of_url(const struct mf_repo *repo, const struct add_options *o, const char *url)
{
	_cleanup_free_ char *id = NULL, *base = NULL;

	if (!repo->enabled || !repo->baseurls.n || repo->trust == MF_TRUST_NONE)
		return false;
	if (!mf_ends_with(url, ".repo"))
		return !strcmp(repo->baseurls.v[0], url) && (!o->id || !strcmp(o->id, repo->id));
	id = o->id ? strdup(o->id) : mf_repo_id_of_url(url);
	base = mf_repo_base_of_file(url, repo->baseurls.v[0]);
	return base && id && !strcmp(id, repo->id);
}

/* Is it configured as it is asked for? 1: yes, and ID is set; 0: no; or a recorded failure. */
static int find_configured(struct cmd *cmd, const struct add_options *o, char **ret_id)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	_cleanup_free_ char *url = mf_repo_url_expand(&cmd->ctx, o->url);
	int r = url ? mf_repos_read(&cmd->ctx, &repos) : -ENOMEM;

	if (r < 0)
		return url ? r : mf_fail(&cmd->ctx, MF_STAGE_COMMAND, r, o->url, NULL);
	for (size_t i = 0; !r && i < repos.n; i++) {
		if (!is_of_url(&repos.v[i], o, url))
			continue;
		r = has_key(cmd, &repos, &repos.v[i], o);
		if (r == 1)
			*ret_id = strdup(repos.v[i].id);
	}
	return r;
}

static void add_print_json(struct cmd *cmd, const struct mf_repo_new *repo,
			   const struct mf_refresh_result *result, bool changed, bool failed)
{
	_cleanup_(mf_served_done) struct mf_served served = cmd_served(cmd, repo->id);
	_cleanup_free_ char *url = mf_secret_hide_copy(repo->baseurl);
	struct mf_json *o = mf_json_object();

	mf_json_set_string(o, "id", repo->id);
	mf_json_set_string(o, "name", repo->name);
	mf_json_set_string(o, "baseurl", url);
	mf_json_set(o, "keys", cmd_keys_json(&repo->key));
	if (changed) {
		mf_json_set_int(o, "packages", (int64_t)result->content.packages);
		mf_json_set_string(o, "signer", result->trust.signer);
		cmd_set_served(o, &served);
		if (cmd->ctx.kernel)
			mf_json_set_bool(o, "serves_kernel",
					 mf_served_has(&served, cmd->ctx.kernel));
	}
	mf_json_set_bool(o, "changed", changed);
	if (failed)
		cmd_json_error(cmd, o);
	cmd_json(cmd, o, true);
	mf_json_free(o);
}

static void print_configured(struct cmd *cmd, const char *id)
{
	struct mf_json *o;

	if (!cmd->json) {
		if (!cmd->quiet)
			cmd_line("the repository %s is configured already", id);
		return;
	}
	o = mf_json_object();
	mf_json_set_string(o, "id", id);
	mf_json_set_bool(o, "changed", false);
	cmd_json(cmd, o, true);
	mf_json_free(o);
}

/* "it has drivers for this kernel, 6.1.0-56-amd64": what an admin wants to know first. */
static void print_serves(struct cmd *cmd, const struct mf_served *served)
{
	const char *kernel = cmd->ctx.kernel;

	if (!kernel)
		cmd_line("%s", "");
	else if (mf_served_has(served, kernel))
		cmd_line("; it has drivers for this kernel, %s", kernel);
	else if (mf_served_may_fit(served, kernel))
		cmd_line("; it may have drivers that fit this kernel, %s", kernel);
	else
		cmd_line("; it has NO drivers for this kernel, %s", kernel);
}

static void add_print(struct cmd *cmd, const struct mf_repo_new *repo,
		      const struct mf_refresh_result *result, bool added, bool failed)
{
	_cleanup_(mf_served_done) struct mf_served served = cmd_served(cmd, repo->id);
	_cleanup_free_ char *kernels = mf_served_describe(&served);
	_cleanup_free_ char *url = mf_secret_hide_copy(repo->baseurl);

	if (cmd->json) {
		add_print_json(cmd, repo, result, added, failed);
		return;
	}
	if (cmd->quiet)
		return;
	cmd_key_print(&repo->key);
	if (!added) {
		cmd_line("%s would be added, for %s", repo->id, url ? url : "");
		return;
	}
	cmd_put("added the repository %s: %zu packages, signed by %s; kernels: %s", repo->id,
		result->content.packages, result->trust.signer, kernels ? kernels : "");
	print_serves(cmd, &served);
}

int cmd_repo_add(struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(mf_repo_new_done) struct mf_repo_new repo = { 0 };
	struct mf_refresh_result result = { 0 };
	_cleanup_free_ char *configured = NULL;
	struct add_options o = { 0 };
	int r = parse_options(cmd, argc, argv, &o);

	if (!r)
		r = find_configured(cmd, &o, &configured);
	if (r < 0)
		return r;
	if (configured) {
		print_configured(cmd, configured);
		return CMD_NOTHING;
	}
	r = mf_repo_new_prepare(&cmd->ctx, o.url, o.id, o.key, &repo);
	if (!r)
		r = cmd_key_accept(cmd, &repo.key, repo.id, o.fingerprint);
	if (!r && !cmd->dry_run)
		r = mf_repo_new_add(&cmd->ctx, &repo, &result);
	if (r < 0)
		return r;
	if (!cmd->dry_run)
		r = cmd_use_new_metadata(cmd);
	add_print(cmd, &repo, &result, !cmd->dry_run, r < 0);
	return r < 0 ? r : CMD_DONE;
}

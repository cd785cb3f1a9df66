/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * search and info: find packages whose name the user does not know, and print everything about a
 * package.
 *
 * Both read the packages for one kernel, change nothing and use no network. The needs of a driver
 * are mostly symbols: the text groups them by their providers.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/json.h"
#include "modfetch/module-name.h"
#include "modfetch/query.h"
#include "modfetch/typed.h"
#include "cmd.h"

#define SHOWN 6 /* shown entries of a long list, unless -v is given */

static void search_catalog_cleanup(struct mf_catalog **catalog)
{
	mf_catalog_free(*catalog);
}

static const char *search_repo_of(const struct mf_catalog *catalog,
				  const struct mf_package *package)
{
	return package->origin < 0 ? NULL : mf_catalog_repos(catalog)->v[package->origin].id;
}

/* The members that both print about a package. */
static struct mf_json *package_json(const struct mf_catalog *catalog,
				    const struct mf_package *package, const char *present)
{
	struct mf_json *o = mf_json_object();

	mf_json_set_string(o, "name", package->name);
	mf_json_set_string(o, "evr", package->evr);
	mf_json_set_string(o, "arch", package->arch);
	mf_json_set_string(o, "repo", search_repo_of(catalog, package));
	mf_json_set_int(o, "size", (int64_t)package->size);
	mf_json_set_string(o, "summary", package->summary);
	mf_json_set_string(o, "installed", present);
	return o;
}

/* ---- search ---- */

static void print_hits_json(struct cmd *cmd, struct mf_catalog *catalog, struct mf_pool *pool,
			    const struct mf_hits *hits)
{
	struct mf_json *list = mf_json_array();

	for (size_t i = 0; i < hits->n; i++) {
		const struct mf_hit *hit = &hits->v[i];
		struct mf_package package;
		struct mf_json *o;

		mf_pool_package(pool, hit->id, &package);
		o = package_json(catalog, &package, hit->installed_evr);
		mf_json_set_string(o, "found", mf_found_name(hit->found));
		mf_json_set_string(o, "alias", hit->alias);
		mf_json_add(list, o);
	}
	cmd_json(cmd, list, true);
	mf_json_free(list);
}

/* "i": the same version is installed, "v": another one; the marks of zypper */
static char mark_of(const struct mf_package *package, const char *present)
{
	if (!present)
		return ' ';
	return strcmp(package->evr, present) ? 'v' : 'i';
}

static void print_hits(struct cmd *cmd, struct mf_catalog *catalog, struct mf_pool *pool,
		       const struct mf_hits *hits)
{
	struct cmd_table table = { .columns = 4, .flexible = 3 };

	for (size_t i = 0; i < hits->n; i++) {
		const struct mf_hit *hit = &hits->v[i];
		bool by_alias = hit->found == MF_FOUND_ALIAS;
		struct mf_package package;
		const char *repo;
		char mark;

		mf_pool_package(pool, hit->id, &package);
		repo = search_repo_of(catalog, &package);
		mark = mark_of(&package, hit->installed_evr);
		cmd_table_add(&table, mark == ' ' ? CMD_PLAIN : CMD_OK, "%c %s", mark,
			      package.name);
		cmd_table_add(&table, CMD_PLAIN, "%s", package.evr);
		cmd_table_add(&table, CMD_DIM, "%s", repo ? repo : "(installed)");
		cmd_table_add(&table, CMD_PLAIN, "%s%s%s%s", package.summary ? package.summary : "",
			      by_alias ? " (matches " : "", by_alias ? hit->alias : "",
			      by_alias ? ")" : "");
	}
	cmd_table_print(&cmd->terminal, &table, 0);
}

/* Of a device its modalias is searched for. 0 or a recorded failure. */
static int search_add_term(struct cmd *cmd, const char *word, struct mf_strings *terms)
{
	_cleanup_free_ char *pattern = NULL;
	int r = mf_typed_pattern(&cmd->ctx, word, &pattern);

	if (r < 0)
		return r;
	r = mf_strings_add(terms, pattern ? pattern : word);
	return r < 0 ? mf_fail(&cmd->ctx, MF_STAGE_COMMAND, r, word, NULL) : 0;
}

int cmd_search(struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(search_catalog_cleanup) struct mf_catalog *catalog = NULL;
	_cleanup_(mf_strings_done) struct mf_strings terms = { 0 };
	_cleanup_(mf_hits_done) struct mf_hits hits = { 0 };
	struct mf_pool *pool = NULL;
	int r = 0;

	for (int i = 1; !r && i < argc; i++) {
		if (argv[i][0] == '-' || !argv[i][0])
			return cmd_usage(cmd, "search", "%s has bytes that no name has", argv[i]);
		r = search_add_term(cmd, argv[i], &terms);
	}
	if (r < 0)
		return r;
	if (!terms.n)
		return cmd_usage(cmd, "search", "name a word to search for");
	if (!r)
		r = mf_catalog_open(&cmd->ctx, &catalog);
	if (!r)
		r = mf_search(&cmd->ctx, catalog, &terms, &hits);
	if (!r)
		r = mf_catalog_pool(&cmd->ctx, catalog, &pool);
	if (r < 0)
		return r;
	if (cmd->json)
		print_hits_json(cmd, catalog, pool, &hits);
	else if (!cmd->quiet)
		print_hits(cmd, catalog, pool, &hits);
	if (!hits.n && !cmd->json)
		return mf_fail(&cmd->ctx, MF_STAGE_MATCH, -MFE_NOT_FOUND, argv[1],
			       "no package for kernel %s contains %s%s%s", cmd->ctx.kernel,
			       terms.n > 1 ? "all of these words" : "it",
			       mf_catalog_moved(catalog) ? "; " : "",
			       mf_catalog_moved(catalog) ? mf_catalog_moved(catalog) : "");
	return hits.n ? CMD_DONE : CMD_NOT_FOUND;
}

/* ---- info ---- */

static struct mf_json *needs_json(struct mf_catalog *catalog, struct mf_pool *pool,
				  const struct mf_needs *needs)
{
	struct mf_json *list = mf_json_array();

	for (size_t i = 0; i < needs->n; i++) {
		const struct mf_need *need = &needs->v[i];
		struct mf_json *o = mf_json_object();
		struct mf_package provider = { .origin = MF_POOL_SYSTEM };

		if (need->provider)
			mf_pool_package(pool, need->provider, &provider);
		mf_json_set_string(o, "need", need->text);
		mf_json_set_string(o, "giver", need->system ? "kernel" : provider.name);
		mf_json_set_string(o, "repo", search_repo_of(catalog, &provider));
		mf_json_set_bool(o, "present", need->present);
		mf_json_add(list, o);
	}
	return list;
}

static struct mf_json *about_json(struct mf_catalog *catalog, struct mf_pool *pool,
				  const struct mf_about *about)
{
	struct mf_json *o = package_json(catalog, &about->package, about->installed_evr);

	mf_json_set_int(o, "install_size", (int64_t)about->package.install_size);
	mf_json_set_string(o, "license", about->text.license);
	mf_json_set_string(o, "description", about->text.description);
	mf_json_set_strings(o, "modules", &about->modules);
	mf_json_set_strings(o, "on_disk", &about->on_disk);
	mf_json_set_strings(o, "aliases", &about->aliases);
	mf_json_set(o, "requires", needs_json(catalog, pool, &about->requires));
	mf_json_set(o, "recommends", needs_json(catalog, pool, &about->recommends));
	mf_json_set(o, "suggests", needs_json(catalog, pool, &about->suggests));
	return o;
}

static void print_list(const char *label, const struct mf_strings *list, size_t most)
{
	for (size_t i = 0; i < list->n && i < most; i++)
		cmd_line("%-12s %s", i ? "" : label, list->v[i]);
	if (list->n > most)
		cmd_line("%-12s and %zu more (-v)", "", list->n - most);
}

/*
 * Prints the needs from I on that have the same provider, in one line. Returns the first need of
 * the next provider.
 */
static size_t print_provider(struct cmd *cmd, struct mf_pool *pool, const struct mf_needs *needs,
			     size_t i, size_t most)
{
	const struct mf_need *first = &needs->v[i];
	struct mf_package provider = { .name = "NO PROVIDER" };
	size_t n = 0;

	if (first->provider)
		mf_pool_package(pool, first->provider, &provider);
	if (first->system)
		cmd_put("kernel %s", cmd->ctx.kernel);
	else
		cmd_put("%s%s", provider.name,
			!first->provider ? ""
			: first->present ? " (installed)"
					 : "");
	for (; i < needs->n && needs->v[i].provider == first->provider; i++, n++) {
		size_t len;
		const char *symbol = mf_dep_symbol(needs->v[i].text, &len);

		if (n < most)
			cmd_put("%s%.*s", n ? ", " : ": ", symbol ? (int)len : 1000,
				symbol ? symbol : needs->v[i].text);
	}
	if (n > most)
		cmd_put(" and %zu more", n - most);
	cmd_line("%s", "");
	return i;
}

static void print_needs(struct cmd *cmd, struct mf_pool *pool, const char *label,
			const struct mf_needs *needs, size_t most)
{
	for (size_t i = 0; i < needs->n;) {
		cmd_put("%-12s ", i ? "" : label);
		i = print_provider(cmd, pool, needs, i, most);
	}
}

static void search_print_state(const struct mf_about *about)
{
	if (about->installed_evr)
		cmd_line("%-12s %s%s", "installed", about->installed_evr,
			 strcmp(about->installed_evr, about->package.evr) ? ", another version"
									  : "");
	else if (about->on_disk.n)
		cmd_line("%-12s no, but the module is on disk, owned by no package", "installed");
	else
		cmd_line("%-12s no", "installed");
}

/*
 * Prints each line of a text after the column of labels, so that none of them looks like a label.
 */
static void print_paragraphs(const char *label, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		cmd_line("%-12s %.*s", label, (int)len, text);
		label = "";
		text += len + (text[len] == '\n');
	}
}

static void print_about(struct cmd *cmd, struct mf_catalog *catalog, struct mf_pool *pool,
			const struct mf_about *about)
{
	const struct mf_package *p = &about->package;
	size_t most = cmd->ctx.log_level >= MF_LOG_DEBUG ? SIZE_MAX : SHOWN;
	const char *repo = search_repo_of(catalog, p);
	char size[16], on_disk[16];

	cmd_line("%-12s %s", "package", p->name);
	cmd_line("%-12s %s.%s", "version", p->evr, p->arch);
	search_print_state(about);
	if (repo) {
		cmd_line("%-12s %s", "repository", repo);
		cmd_line("%-12s %s, %s installed", "size", cmd_bytes(p->size, size),
			 cmd_bytes(p->install_size, on_disk));
	}
	print_list("module", &about->modules, most);
	if (about->text.license && *about->text.license)
		cmd_line("%-12s %s", "license", about->text.license);
	if (p->summary)
		cmd_line("%-12s %s", "summary", p->summary);
	if (about->text.description && *about->text.description)
		print_paragraphs("description", about->text.description);
	print_list("alias", &about->aliases, most);
	print_needs(cmd, pool, "needs", &about->requires, most);
	print_needs(cmd, pool, "recommends", &about->recommends, most);
	print_needs(cmd, pool, "suggests", &about->suggests, most);
}

/* The packages with an alias that PATTERN matches. 0, -MFE_NOT_FOUND or another recorded failure. */
static int info_find_by_alias(struct cmd *cmd, struct mf_catalog *catalog, const char *name,
			      char *pattern, int **ret_ids, size_t *ret_n)
{
	const struct mf_strings terms = { (char *[]){ pattern, NULL }, 1, 0 };
	_cleanup_(mf_hits_done) struct mf_hits hits = { 0 };
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = mf_search(&cmd->ctx, catalog, &terms, &hits);

	if (r < 0)
		return r;
	ids = calloc(hits.n + 1, sizeof(*ids));
	if (!ids)
		return mf_fail(&cmd->ctx, MF_STAGE_MATCH, -ENOMEM, name, NULL);
	for (size_t i = 0; i < hits.n; i++)
		if (hits.v[i].found == MF_FOUND_ALIAS)
			ids[n++] = hits.v[i].id;
	if (!n)
		return mf_fail(&cmd->ctx, MF_STAGE_MATCH, -MFE_NOT_FOUND, name,
			       "no package has a driver for %s", pattern);
	*ret_ids = MF_STEAL(ids);
	*ret_n = n;
	return 0;
}

/* The packages that NAME means: of a device or an alias those of its drivers. As mf_about_find(). */
static int info_find(struct cmd *cmd, struct mf_catalog *catalog, const char *name, int **ret_ids,
		     size_t *ret_n)
{
	char module[MF_MODULE_NAME_SIZE];
	_cleanup_free_ char *pattern = NULL;
	struct mf_saved_failure unknown;
	int r = mf_typed_pattern(&cmd->ctx, name, &pattern);

	if (r < 0)
		return r;
	if (!r)
		return info_find_by_alias(cmd, catalog, name, pattern, ret_ids, ret_n);
	r = mf_about_find(&cmd->ctx, catalog,
			  mf_typed_module(name, module, sizeof(module)) ? module : name, ret_ids,
			  ret_n);
	if (r != -MFE_NOT_FOUND)
		return r;
	/* neither a package nor a module: a modalias, or an alias as "fs-xfs" */
	unknown = mf_failure_save(&cmd->ctx);
	r = info_find_by_alias(cmd, catalog, name, (char *)name, ret_ids, ret_n);
	if (r != -MFE_NOT_FOUND)
		return r;
	mf_failure_restore(&unknown);
	cmd_hint_at_similar(cmd, catalog);
	return r;
}

static int print_info(struct cmd *cmd, struct mf_catalog *catalog, const char *name,
		      struct mf_json *list)
{
	_cleanup_free_ int *ids = NULL;
	struct mf_pool *pool;
	size_t n = 0;
	int r = info_find(cmd, catalog, name, &ids, &n);

	if (!r)
		r = mf_catalog_pool_whole(&cmd->ctx, catalog, &pool);
	for (size_t i = 0; !r && i < n; i++) {
		_cleanup_(mf_about_done) struct mf_about about = { 0 };

		r = mf_about(&cmd->ctx, catalog, ids[i], &about);
		if (r < 0)
			return r;
		if (i && !cmd->json)
			cmd_line("%s", "");
		if (cmd->json)
			mf_json_add(list, about_json(catalog, pool, &about));
		else
			print_about(cmd, catalog, pool, &about);
	}
	return r;
}

int cmd_info(struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(search_catalog_cleanup) struct mf_catalog *catalog = NULL;
	struct mf_json *list;
	int r;

	if (argc < 2)
		return cmd_usage(cmd, "info", "name a package or a module");
	for (int i = 1; i < argc; i++)
		if (argv[i][0] == '-' || !argv[i][0])
			return cmd_usage(cmd, "info", "%s is not a name of a package or module",
					 argv[i]);
	r = mf_catalog_open(&cmd->ctx, &catalog);
	if (r < 0)
		return r;
	list = mf_json_array();
	for (int i = 1; !r && i < argc; i++) {
		if (i > 1 && !cmd->json)
			cmd_line("%s", "");
		r = print_info(cmd, catalog, argv[i], list);
	}
	if (!r && cmd->json)
		cmd_json(cmd, list, true);
	mf_json_free(list);
	return r;
}

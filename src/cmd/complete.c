/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * complete: the words that a shell offers for an argument, for the files in completions/.
 *
 * Each kind of word is a row of a table. Packages and modules come from the caches of the repositories and of
 * the rpm database, devices from /sys; nothing is fetched and no lock is taken, so that any user may ask at
 * any time. A kind that cannot be answered has no words.
 *
 * A line is a word, or a word, a tab, and a clause for shells that show one. The names come from
 * repositories and devices, and a shell may expand what it is given: a word with another byte than letters,
 * digits and "._+:~-" is left out.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "modfetch/array.h"
#include "modfetch/asked.h"
#include "modfetch/catalog.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/history.h"
#include "modfetch/repo.h"
#include "cmd.h"

struct completion {
	struct mf_context *ctx;
	const char *word;	   /* the part that was typed */
	struct mf_strings found;   /* lines */
	struct mf_catalog *opened; /* see catalog() */
	int result;		   /* of opening it; 1: not tried yet */
};

static void completion_done(struct completion *c)
{
	mf_strings_done(&c->found);
	mf_catalog_free(c->opened);
}

static bool is_safe(const char *text)
{
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				 "._+:~-")] == '\0';
}

static bool is_prefix(const char *prefix, const char *text)
{
	for (; *prefix; prefix++, text++)
		if (*prefix != *text && !(strchr("-_", *prefix) && *text && strchr("-_", *text)))
			return false;
	return true;
}

/* CLAUSE: or NULL. 0 or -ENOMEM. */
static int offer(struct completion *c, const char *text, const char *clause)
{
	_cleanup_free_ char *line = NULL;

	if (!*text || *text == '-' || !is_safe(text) || !is_prefix(c->word, text))
		return 0;
	if (!clause)
		return mf_strings_add(&c->found, text);
	line = mf_format("%s\t%s", text, clause);
	return line ? mf_strings_add(&c->found, line) : -ENOMEM;
}

/* ---- packages and modules ---- */

/* The catalog of the enabled repositories, or NULL: there is none. It belongs to C. */
static struct mf_catalog *catalog(struct completion *c)
{
	if (c->result > 0)
		c->result = mf_catalog_open_local(c->ctx, NULL, 0, &c->opened);
	return c->result < 0 ? NULL : c->opened;
}

/* All packages of one origin, by the names that serve every kernel. */
static int offer_packages_of(struct completion *c, struct mf_pool *pool, int origin, bool drivers)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = mf_pool_list(pool, origin, &ids, &n);

	for (size_t i = 0; !r && i < n; i++) {
		enum mf_asked_kind kind = MF_ASKED_NAME;
		const char *name = mf_pool_name(pool, ids[i]);
		_cleanup_free_ char *text = mf_asked_short_name(name, c->ctx->kernel, &kind);

		if (!text)
			return -ENOMEM;
		if (!drivers || strcmp(text, name) != 0 || strstr(name, "kmp-") ||
		    mf_starts_with(name, "kmod-"))
			r = offer(c, text, NULL);
	}
	return r;
}

static int offer_packages(struct completion *c)
{
	struct mf_catalog *all = catalog(c);
	struct mf_pool *pool;
	int r = all ? mf_catalog_pool(c->ctx, all, &pool) : -ENOENT;

	for (size_t i = 0; !r && i < mf_catalog_repos(all)->n; i++)
		r = offer_packages_of(c, pool, (int)i, false);
	return r;
}

static int offer_installed(struct completion *c)
{
	struct mf_catalog *all = catalog(c);
	struct mf_pool *pool;
	int r = all ? mf_catalog_pool(c->ctx, all, &pool) : -ENOENT;

	return r ? r : offer_packages_of(c, pool, MF_POOL_INSTALLED, true);
}

static int complete_on_module(void *arg, const char *module, const char *package, size_t repo)
{
	return offer(arg, module, NULL);
}

static int offer_modules(struct completion *c)
{
	struct mf_catalog *all = catalog(c);

	return all ? mf_catalog_each_module(all, complete_on_module, c) : -ENOENT;
}

/* ---- devices ---- */

/* "v00008086d000010D3…" of a PCI device, "v0BDAp8153…" of a USB device: their ids as a query. */
static void ids_of(const char *modalias, char ret_ids[32])
{
	char vendor[9], device[9];

	*ret_ids = '\0';
	if (sscanf(modalias, "pci:v0000%4[0-9A-F]d0000%4[0-9A-F]", vendor, device) == 2)
		snprintf(ret_ids, 32, "%s:%s", vendor, device);
	else if (sscanf(modalias, "usb:v%4[0-9A-F]p%4[0-9A-F]", vendor, device) == 2)
		snprintf(ret_ids, 32, "usb:%s:%s", vendor, device);
	for (char *s = ret_ids; *s; s++)
		*s = *s >= 'A' && *s <= 'F' ? (char)(*s - 'A' + 'a') : *s;
}

static int offer_device(struct completion *c, int dirfd, const char *name, bool by_name)
{
	_cleanup_free_ char *path = mf_format("%s/modalias", name);
	_cleanup_free_ char *modalias = NULL;
	char ids[32] = "";
	size_t len;
	int r;

	if (!path)
		return -ENOMEM;
	if (mf_file_read_at(dirfd, path, 4096, &modalias, &len) >= 0)
		ids_of(modalias, ids);
	r = by_name ? offer(c, name, *ids ? ids : NULL) : 0;
	return r ? r : offer(c, ids, by_name ? name : NULL);
}

/* The devices of this machine by the names that a query takes: addresses, ids, network interfaces. */
static int offer_devices(struct completion *c)
{
	static const struct {
		const char *directory;
		bool by_name;
	} classes[] = {
		{ "sys/bus/pci/devices", true },
		{ "sys/bus/usb/devices", false },
		{ "sys/class/net", true },
	};
	int r = 0;

	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(classes); i++) {
		_cleanup_close_ int fd =
			mf_context_open(c->ctx, classes[i].directory, O_RDONLY | O_DIRECTORY);
		_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : mf_opendir(fd);
		struct dirent *e;

		while (!r && dir && (e = readdir(dir)))
			if (e->d_name[0] != '.')
				r = offer_device(c, fd, e->d_name, classes[i].by_name);
	}
	return r;
}

/* ---- others ---- */

static int offer_repositories(struct completion *c)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	int r = mf_repos_read(c->ctx, &repos);

	for (size_t i = 0; !r && i < repos.n; i++)
		r = offer(c, repos.v[i].id, NULL);
	return r;
}

static int complete_on_record(void *arg, struct mf_json *record)
{
	struct completion *c = arg;
	const char *verb = mf_json_get_string(record, "verb");
	time_t when = (time_t)mf_json_get_int(record, "time");
	char id[24], clause[64];
	struct tm tm;
	size_t n;

	snprintf(id, sizeof(id), "%" PRId64, mf_json_get_int(record, "id"));
	n = strftime(clause, sizeof(clause), "%F %R ", localtime_r(&when, &tm));
	snprintf(clause + n, sizeof(clause) - n, "%.32s", verb ? verb : "");
	return offer(c, id, clause);
}

static int offer_history(struct completion *c)
{
	return mf_history_read(c->ctx, complete_on_record, c);
}

static int offer_kernels(struct completion *c)
{
	_cleanup_(mf_strings_done) struct mf_strings kernels = { 0 };
	int r = mf_kernels_list(c->ctx, &kernels);

	for (size_t i = 0; !r && i < kernels.n; i++)
		r = offer(c, kernels.v[i], NULL);
	return r;
}

/* ---- the verb ---- */

static const struct kind {
	const char *name;
	int (*offer)(struct completion *c); /* a failure means that there are no words */
	bool of_kernel;			    /* needs a kernel */
} kinds[] = {
	{ "packages", offer_packages, true },
	{ "installed", offer_installed, true },
	{ "modules", offer_modules, true },
	{ "devices", offer_devices, false },
	{ "repositories", offer_repositories, false },
	{ "history", offer_history, false },
	{ "kernels", offer_kernels, false },
};

static const struct kind *kind_find(const char *name)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(kinds); i++)
		if (!strcmp(name, kinds[i].name))
			return &kinds[i];
	return NULL;
}

static void print_found(const struct mf_strings *found)
{
	for (size_t i = 0; i < found->n; i++)
		if (!i || strcmp(found->v[i], found->v[i - 1]) != 0) {
			cmd_lines(found->v[i]);
			cmd_line("%s", "");
		}
}

int cmd_complete(struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	_cleanup_(completion_done) struct completion c = { .ctx = &cmd->ctx,
							   .word = argc > 2 ? argv[2] : "",
							   .result = 1 };
	int r = argc > 1 ? mf_strings_split(&names, argv[1]) : 0;

	if (r < 0)
		return mf_fail(&cmd->ctx, MF_STAGE_COMMAND, r, "complete", NULL);
	if (!names.n || argc > 3)
		return cmd_usage(cmd, "complete", "name kinds of words, and one word");
	/* the caller shows nothing but the words */
	cmd->ctx.log_level = MF_LOG_ERROR;
	for (size_t i = 0; i < names.n; i++) {
		const struct kind *kind = kind_find(names.v[i]);

		if (!kind)
			return cmd_usage(cmd, "complete", "%.64s is no kind of words", names.v[i]);
		if (!kind->of_kernel || cmd->ctx.kernel)
			(void)kind->offer(&c);
	}
	mf_strings_sort(&c.found);
	print_found(&c.found);
	return CMD_DONE;
}

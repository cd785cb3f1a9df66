/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which packaged drivers are used: rows from the rpm database and the module tree, what the kernel
 * says of them now, and what the ledger says of before.
 *
 * A module is loaded if /proc/modules has it, and used by a device if a driver that the module
 * registered (/sys/module/NAME/drivers) has one. Both are about the running kernel and speak of names:
 * of several files with one name the module index has the one that was loaded, so the others count as
 * hidden. In a chroot or container both belong to another machine and are not asked.
 *
 * With a clock that was never set nothing is noted: the day of today would be wrong.
 */
#include "modfetch/usage.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/days.h"
#include "modfetch/file.h"
#include "modfetch/inspect.h"
#include "modfetch/machine.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "modfetch/table.h"
#include "usage-ledger.h"

#define LOADED	  "proc/modules"
#define INDEX	  "modules.dep"
#define TEXT_MAX  ((size_t)64 << 20)
#define EARLIEST  20454 /* 2026-01-01: a clock before that day was never set */
#define DRIVER_OF "sys/module/%s/drivers"

void mf_usage_done(struct mf_usage *usage)
{
	for (size_t i = 0; i < usage->n; i++) {
		free(usage->v[i].module);
		free(usage->v[i].package);
	}
	free(usage->v);
	*usage = (struct mf_usage){ 0 };
}

static int usage_fail(struct mf_context *ctx, int r)
{
	return mf_fail(ctx, MF_STAGE_KERNEL, r, "usage", NULL);
}

/* ---- what the kernel says ---- */

/* A set of words with memory of its own. */
struct words {
	struct mf_arena arena;
	struct mf_table table;
};

static void words_done(struct words *words)
{
	mf_table_done(&words->table);
	mf_arena_done(&words->arena);
}

static int words_add(struct words *words, const char *word, size_t len)
{
	const char *copy = mf_arena_copy(&words->arena, word, len);
	uint32_t *value;
	int r = copy ? mf_table_put(&words->table, copy, len, 0, &value) : -ENOMEM;

	return r < 0 ? r : 0;
}

static bool words_has(const struct words *words, const char *word)
{
	return mf_table_get(&words->table, word, strlen(word));
}

static int usage_on_loaded(void *arg, char *line)
{
	return words_add(arg, line, strcspn(line, " "));
}

static int usage_on_indexed(void *arg, char *line)
{
	return words_add(arg, line, strcspn(line, ":"));
}

/* The first words of a file's lines, as VISIT adds them. 0 (also without the file) or -errno. */
static int usage_read_words(const struct mf_context *ctx, const char *path, mf_line_visit *visit,
			    struct words *words)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_RDONLY);

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	return mf_file_each_line(fd, TEXT_MAX, visit, words);
}

/* The devices of a driver: the links in its directory, but for the one to its module. */
static size_t usage_count_links(int dirfd)
{
	_cleanup_closedir_ DIR *dir = mf_opendir(dirfd);
	struct dirent *e;
	size_t n = 0;

	while (dir && (e = readdir(dir)))
		n += e->d_type == DT_LNK && strcmp(e->d_name, "module") != 0;
	return n;
}

/* How many devices are bound to the drivers of a loaded module. */
static size_t usage_count_devices(const struct mf_context *ctx, const char *module)
{
	_cleanup_free_ char *path = mf_format(DRIVER_OF, module);
	_cleanup_close_ int fd = path ? mf_context_open(ctx, path, O_RDONLY | O_DIRECTORY) : -1;
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : mf_opendir(fd);
	struct dirent *e;
	size_t n = 0;

	while (dir && (e = readdir(dir))) {
		_cleanup_free_ char *driver = NULL;
		_cleanup_close_ int driver_fd = -1;

		if (*e->d_name == '.')
			continue;
		driver = mf_format("%s/%s", path, e->d_name);
		driver_fd = driver ? mf_context_open(ctx, driver, O_RDONLY | O_DIRECTORY) : -1;
		n += driver_fd < 0 ? 0 : usage_count_links(driver_fd);
	}
	return n;
}

/* ---- rows ---- */

struct usage_reading {
	struct mf_context *ctx;
	struct mf_usage usage;
	struct words indexed, loaded;
};

static void reading_done(struct usage_reading *reading)
{
	mf_usage_done(&reading->usage);
	words_done(&reading->indexed);
	words_done(&reading->loaded);
}

/* The path of a module below the directory of its kernel, as the index has it. */
static const char *usage_below_kernel(const struct usage_reading *reading, const char *path)
{
	size_t len = strlen(reading->ctx->kernel);

	path = mf_without_usr(path);
	if (!mf_starts_with(path, "/lib/modules/"))
		return path;
	path += strlen("/lib/modules/");
	return !strncmp(path, reading->ctx->kernel, len) && path[len] == '/' ? path + len + 1
									     : path;
}

static int usage_on_module(void *arg, const struct mf_owned *owned)
{
	struct usage_reading *reading = arg;
	struct mf_usage *usage = &reading->usage;
	struct mf_driver_usage row = { .first = -1, .last_loaded = -1, .last_bound = -1 };
	char name[MF_MODULE_NAME_SIZE];

	if ((owned->owner != MF_OWNER_RPM && owned->owner != MF_OWNER_AKMODS) ||
	    !mf_module_name(owned->path, name, sizeof(name)))
		return 0;
	row.hidden = !words_has(&reading->indexed, usage_below_kernel(reading, owned->path));
	row.loaded = !row.hidden && words_has(&reading->loaded, name);
	row.devices = row.loaded ? usage_count_devices(reading->ctx, name) : 0;
	row.module = strdup(name);
	row.package = strdup(owned->label);
	if (!row.module || !row.package ||
	    mf_array_reserve(&usage->v, &usage->room, usage->n + 1, sizeof(row)) < 0) {
		free(row.module);
		free(row.package);
		return usage_fail(reading->ctx, -ENOMEM);
	}
	usage->v[usage->n++] = row;
	return 0;
}

static int usage_by_module(const void *a, const void *b)
{
	const struct mf_driver_usage *x = a, *y = b;
	int r = strcmp(x->module, y->module);

	return r ? r : strcmp(x->package, y->package);
}

static int usage_read_loaded(struct mf_context *ctx, struct words *ret_loaded, bool *ret_here)
{
	/* of the running system, the modules of the running kernel */
	*ret_here = mf_machine_has_devices(ctx) && (*ctx->root || ctx->kernel_running);
	return *ret_here ? usage_read_words(ctx, LOADED, usage_on_loaded, ret_loaded) : 0;
}

static int usage_read_rows(struct usage_reading *reading)
{
	_cleanup_free_ char *index = mf_kernel_path(reading->ctx->kernel, INDEX);
	int r = index ? usage_read_words(reading->ctx, index, usage_on_indexed, &reading->indexed)
		      : -ENOMEM;

	if (!r)
		r = usage_read_loaded(reading->ctx, &reading->loaded, &reading->usage.here);
	if (r < 0)
		return usage_fail(reading->ctx, r);
	r = mf_owned_each(reading->ctx, usage_on_module, reading);
	if (!r && reading->usage.n)
		qsort(reading->usage.v, reading->usage.n, sizeof(*reading->usage.v),
		      usage_by_module);
	return r;
}

/* ---- the ledger ---- */

static void usage_warn(struct mf_context *ctx)
{
	mf_log(ctx, MF_LOG_WARNING, "kernel: the use of drivers is not recorded: %s: %s",
	       ctx->failure.what, ctx->failure.why);
}

/* Is the clock set, so that the day of today is one to be written? */
static bool usage_clock_is_set(long today)
{
	return today >= EARLIEST;
}

/* Notes each row of today in the ledger. 0 or -ENOMEM. */
static int usage_note_rows(const struct mf_usage *usage, struct usage_ledger *ledger, long today)
{
	for (size_t i = 0; i < usage->n; i++) {
		const struct mf_driver_usage *row = &usage->v[i];
		struct usage_entry *entry = NULL;
		int r = row->hidden ? 0 : usage_ledger_add(ledger, row->module, today, &entry);

		if (r < 0)
			return r;
		if (!entry)
			continue;
		entry->packaged = true;
		if (row->loaded)
			usage_ledger_note(ledger, entry, today, row->devices);
	}
	usage_ledger_expire(ledger, today);
	return 0;
}

static void usage_fill(struct mf_usage *usage, const struct usage_ledger *ledger)
{
	for (size_t i = 0; i < usage->n; i++) {
		struct mf_driver_usage *row = &usage->v[i];
		const struct usage_entry *entry =
			row->hidden ? NULL : usage_ledger_find(ledger, row->module);

		if (!entry)
			continue;
		row->first = entry->first;
		row->last_loaded = entry->loaded;
		row->last_bound = entry->bound;
	}
}

int mf_usage_read(struct mf_context *ctx, bool write, struct mf_usage *ret_usage)
{
	_cleanup_(reading_done) struct usage_reading reading = { .ctx = ctx };
	_cleanup_(usage_ledger_done) struct usage_ledger ledger = { 0 };
	long today = mf_day_today();
	int r = usage_read_rows(&reading);

	if (r < 0)
		return r;
	r = usage_ledger_read(ctx, &ledger);
	if (r < 0)
		return r;
	if (reading.usage.here && usage_clock_is_set(today)) {
		if (usage_note_rows(&reading.usage, &ledger, today) < 0)
			return usage_fail(ctx, -ENOMEM);
		if (write) {
			_cleanup_(mf_failure_restore) const struct mf_saved_failure saved =
				mf_failure_save(ctx);

			if (usage_ledger_write(ctx, &ledger) < 0)
				usage_warn(ctx);
		}
	}
	usage_fill(&reading.usage, &ledger);
	*ret_usage = reading.usage;
	reading.usage = (struct mf_usage){ 0 };
	return 0;
}

/* 0, or a recorded failure. */
static int usage_note_loaded(struct mf_context *ctx, struct usage_ledger *ledger, long today)
{
	_cleanup_(words_done) struct words loaded = { 0 };
	bool here = false;
	int r = usage_read_loaded(ctx, &loaded, &here);

	if (r < 0)
		return usage_fail(ctx, r);
	for (size_t i = 0; here && i < ledger->n; i++)
		if (words_has(&loaded, ledger->v[i].module))
			usage_ledger_note(ledger, &ledger->v[i], today,
					  usage_count_devices(ctx, ledger->v[i].module));
	return usage_ledger_write(ctx, ledger);
}

void mf_usage_note(struct mf_context *ctx)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);
	_cleanup_(usage_ledger_done) struct usage_ledger ledger = { 0 };
	long today = mf_day_today();
	int r = usage_ledger_read(ctx, &ledger);

	if (!r && ledger.n && usage_clock_is_set(today))
		r = usage_note_loaded(ctx, &ledger, today);
	if (r < 0)
		usage_warn(ctx);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Gathers the list of a machine: its devices, and what is on disk for them.
 *
 * Every device is listed, since coldplug also wants a second driver of a device that has one; those for
 * which nothing is on disk are marked. A module counts as present if its file is in the kernel's own
 * directory: a link, as weak-modules makes it, may not fit, and to fetch a module too many does no
 * harm. The same holds for all other lines about the disk, so what cannot be read is left out.
 *
 * A list says which hardware, modules and firmware a machine has. It has no serial number, address,
 * host name, user name or configuration, and no path but those of firmware and of a few programs.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/builtin.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/libkmod.h"
#include "modfetch/module-name.h"
#include "modfetch/repo.h"
#include "modfetch/symvers.h"
#include "modfetch/table.h"
#include "modfetch/travel.h"
#include "modfetch/trie.h"

#define FIRMWARE_DIRECTORY "lib/firmware"
#define FIRMWARE_MAX	   65536
#define DEPTH_MAX	   16

/* Programs that packages of drivers require by path. */
static const char *const programs[] = {
	"/bin/sh",
	"/bin/bash",
	"/usr/bin/sh",
	"/usr/bin/bash",
	"/sbin/depmod",
	"/sbin/dracut",
	"/sbin/weak-modules",
	"/usr/sbin/depmod",
	"/usr/sbin/dracut",
	"/usr/bin/dracut",
	"/usr/sbin/weak-modules",
	"/usr/lib/module-init-tools/weak-modules2",
};

struct gathering {
	struct mf_context *ctx;
	const struct mf_gather *what;
	struct mf_kmod *kmod;
	struct mf_table present; /* names of modules on disk */
	struct mf_list list;
};

static void gathering_done(struct gathering *g)
{
	mf_kmod_free(g->kmod);
	mf_table_done(&g->present);
	mf_list_done(&g->list);
}

/* Adds a line; one that a list cannot have is left out. 0 or -ENOMEM. */
static int gather_add(struct gathering *g, enum mf_list_kind kind, const char *value)
{
	return mf_list_value_valid(kind, value) ? mf_strings_add(&g->list.lines[kind], value) : 0;
}

/* ---- modules ---- */

/* Does PATH, below the kernel's directory or absolute, lead to a file without a link? */
static bool is_own_file(const struct gathering *g, const char *path)
{
	const struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS };
	_cleanup_close_ int fd = -1;

	if (*path == '/')
		fd = mf_context_open(g->ctx, path, O_PATH);
	else
		fd = (int)syscall(SYS_openat2, mf_kmod_directory(g->kmod), path, &how, sizeof(how));
	return fd >= 0;
}

/* Of the index of dependencies: "kernel/fs/x.ko: kernel/lib/y.ko". */
static int on_module(void *arg, const char *key, const char *value, uint32_t priority)
{
	struct gathering *g = arg;
	_cleanup_free_ char *path = strndup(value, strcspn(value, ":"));

	if (!path)
		return -ENOMEM;
	if (!is_own_file(g, path))
		return 0;
	return gather_add(g, MF_LIST_PRESENT, key);
}

static int gather_modules(struct gathering *g)
{
	struct mf_strings *present = &g->list.lines[MF_LIST_PRESENT];
	_cleanup_(mf_builtins_done) struct mf_builtins builtins = { 0 };
	int dirfd = mf_kmod_directory(g->kmod), r;
	struct mf_trie *dep = NULL;
	uint32_t *place;

	if (dirfd < 0)
		return 0;
	r = mf_trie_open_at(dirfd, "modules.dep.bin", &dep);
	if (!r)
		r = mf_trie_walk(dep, on_module, g);
	mf_trie_free(dep);
	/* without an index no module can be found, so none counts as present */
	if (r == -ENOMEM)
		return r;
	mf_strings_sort(present);
	for (size_t i = 0; i < present->n; i++)
		if (mf_table_put(&g->present, present->v[i], strlen(present->v[i]), 1, &place) < 0)
			return -ENOMEM;
	if (mf_builtins_read_names(dirfd, &builtins) == -ENOMEM)
		return -ENOMEM;
	mf_strings_sort(&builtins.names);
	for (size_t i = 0; i < builtins.names.n; i++)
		if (gather_add(g, MF_LIST_BUILTIN, builtins.names.v[i]) < 0)
			return -ENOMEM;
	return 0;
}

/* ---- devices and names ---- */

static int on_lookup(void *arg, const char *name, enum mf_presence presence)
{
	const struct gathering *g = arg;

	return presence == MF_BUILTIN || mf_table_get(&g->present, name, strlen(name)) ? 1 : 0;
}

/* Is a module for this name on disk, or built in? */
static bool is_served(struct gathering *g, const struct mf_want *want)
{
	return mf_kmod_lookup(g->kmod, want->name, on_lookup, g) == 1;
}

static int gather_want(struct gathering *g, const struct mf_want *want)
{
	bool served;

	if (want->kind == MF_WANT_BAD) {
		mf_log(g->ctx, MF_LOG_WARNING, "list: %s is left out: its modalias is invalid [%s]",
		       want->syspath ? want->syspath : "a device",
		       mf_error_name(-MFE_BAD_MODALIAS));
		return 0;
	}
	served = is_served(g, want);
	if (served && g->what->missing_only)
		return 0;
	if (want->kind == MF_WANT_NAME)
		return gather_add(g, MF_LIST_BOOT, want->query);
	return gather_add(g, served ? MF_LIST_DEVICE : MF_LIST_MISSING, want->query);
}

/* Sorts the lines of a kind, and keeps one of equal ones. */
static void sort_lines(struct mf_strings *lines)
{
	size_t kept = 0;

	mf_strings_sort(lines);
	for (size_t i = 0; i < lines->n; i++) {
		if (kept && !strcmp(lines->v[kept - 1], lines->v[i]))
			free(lines->v[i]);
		else
			lines->v[kept++] = lines->v[i];
	}
	lines->n = kept;
	if (lines->v)
		lines->v[kept] = NULL;
}

static int gather_wants(struct gathering *g)
{
	_cleanup_(mf_wants_done) struct mf_wants wants = { 0 };
	const struct mf_wants *names = g->what->names;
	int r = mf_devices_read(g->ctx, NULL, false, &wants);

	if (!r)
		r = mf_boot_wants(g->ctx, &wants);
	for (size_t i = 0; !r && i < wants.n; i++)
		r = gather_want(g, &wants.v[i]);
	for (size_t i = 0; !r && names && i < names->n; i++)
		r = gather_add(g, MF_LIST_NAME, names->v[i].query);
	for (size_t kind = MF_LIST_DEVICE; kind <= MF_LIST_NAME; kind++)
		sort_lines(&g->list.lines[kind]);
	return r;
}

/* ---- firmware and programs ---- */

static bool is_firmware(struct gathering *g, const char *name)
{
	_cleanup_free_ char *path = mf_format(FIRMWARE_DIRECTORY "/%s", name);
	/* a link that leads nowhere is no firmware */
	_cleanup_close_ int fd = path ? mf_context_open(g->ctx, path, O_PATH) : -ENOMEM;
	struct stat st;

	return fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode);
}

static int walk_firmware(struct gathering *g, int dirfd, const char *prefix, int depth)
{
	_cleanup_closedir_ DIR *dir = mf_opendir(dirfd);
	struct dirent *e;
	int r = 0;

	while (dir && !r && (e = readdir(dir))) {
		_cleanup_free_ char *name =
			mf_format("%s%s%s", prefix, *prefix ? "/" : "", e->d_name);
		_cleanup_close_ int child = -1;

		if (!name)
			return -ENOMEM;
		if (e->d_name[0] == '.' || g->list.lines[MF_LIST_FIRMWARE].n >= FIRMWARE_MAX)
			continue;
		child = openat(dirfd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child >= 0 && depth < DEPTH_MAX)
			r = walk_firmware(g, child, name, depth + 1);
		else if (child < 0 && is_firmware(g, name))
			r = gather_add(g, MF_LIST_FIRMWARE, name);
	}
	return r;
}

static int gather_files(struct gathering *g)
{
	_cleanup_close_ int firmware =
		mf_context_open(g->ctx, FIRMWARE_DIRECTORY, O_RDONLY | O_DIRECTORY);
	int r = firmware < 0 ? 0 : walk_firmware(g, firmware, "", 0);

	mf_strings_sort(&g->list.lines[MF_LIST_FIRMWARE]);
	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(programs); i++) {
		_cleanup_close_ int fd = mf_context_open(g->ctx, programs[i], O_PATH);

		if (fd >= 0)
			r = gather_add(g, MF_LIST_FILE, programs[i]);
	}
	return r;
}

/* ---- exports ---- */

static int on_export(void *arg, const char *symbol, const char *crc, const char *module)
{
	struct gathering *g = arg;
	_cleanup_free_ char *line = NULL;

	/* of a module that will come from a package, the package says what it exports */
	if (strcmp(module, "vmlinux") != 0 && !mf_table_get(&g->present, module, strlen(module)))
		return 0;
	line = mf_format("%s %s %s", crc, symbol, module);
	return line ? gather_add(g, MF_LIST_EXPORT, line) : -ENOMEM;
}

static int gather_exports(struct gathering *g)
{
	int r = g->what->exports ? mf_symvers_read(g->ctx, on_export, g) : 0;

	if (r == 1)
		mf_log(g->ctx, MF_LOG_WARNING,
		       "list: kernel %s has no symvers, so its exports are not in the list; "
		       "install "
		       "its headers",
		       g->ctx->kernel);
	return r < 0 ? r : 0;
}

/* ---- all ---- */

static int gather_names(struct gathering *g)
{
	struct utsname room;
	char *version = mf_repo_url_expand(g->ctx, "$releasever");

	g->list.kernel = strdup(g->ctx->kernel);
	g->list.machine = strdup(mf_context_machine(g->ctx, &room));
	if (version && mf_is_plain_name(version))
		g->list.releasever = MF_STEAL(version);
	free(version);
	return g->list.kernel && g->list.machine ? 0 : -ENOMEM;
}

int mf_list_gather(struct mf_context *ctx, const struct mf_gather *what, struct mf_list *ret_list)
{
	_cleanup_(gathering_done) struct gathering g = { .ctx = ctx, .what = what };
	int r = mf_kmod_new(ctx, &g.kmod);

	if (!r)
		r = gather_names(&g);
	if (!r)
		r = gather_modules(&g);
	if (!r)
		r = gather_wants(&g);
	if (!r)
		r = gather_files(&g);
	if (!r)
		r = gather_exports(&g);
	if (r < 0)
		return ctx->failure.code ? r : mf_fail(ctx, MF_STAGE_LIST, r, "devices", NULL);
	*ret_list = g.list;
	g.list = (struct mf_list){ 0 };
	return 0;
}

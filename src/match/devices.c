/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes wants without an event, from one pass over sysfs.
 *
 * The modalias of a device (device.c) is checked by the same rule as that of an event; one that is
 * out of bounds becomes a want with that reason, and the others are still processed. Links are not
 * followed: a recorded tree may be untrusted.
 *
 * Some drivers are loaded by name: if a udev rule does so (udev-rules.h), the name becomes a want
 * as a modalias does. The rules are read from the machine, also for a recorded tree, which has
 * none.
 */
#include "modfetch/want.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "modfetch/udev-device.h"

#define LIST_MAX  (16U << 20)
#define DEPTH_MAX 64

struct devices_walk {
	struct mf_context *ctx;
	struct mf_wants *wants;
	bool each_device;
	struct mf_udev_rules *rules;
	struct mf_udev_device device; /* only devpath differs between devices */
	size_t root_len;	      /* bytes of a syspath up to the root of its sysfs */
	size_t tree_len;	      /* bytes of a syspath up to the root of device.tree */
};

static int devices_add_want(struct devices_walk *w, const char *modalias, const char *syspath)
{
	bool many = mf_modalias_valid(modalias, strlen(modalias)) && !w->each_device;
	_cleanup_(mf_want_done) struct mf_want want = { 0 };
	int r;

	if (!*modalias)
		return 0;
	r = mf_want_init_any(w->ctx, modalias, many ? NULL : syspath, &want);
	if (r < 0)
		return r;
	want.device = true;
	if (syspath)
		r = mf_device_describe(w->device.tree, syspath + w->tree_len, &want);
	if (!r && syspath && many)
		r = mf_strings_add(&want.devices, syspath);
	return r < 0 ? r : mf_wants_add(w->wants, &want);
}

/* A device that is gone, or whose attribute cannot be read, makes no want. */
static int devices_add_modalias(struct devices_walk *w, int dirfd, const char *syspath)
{
	_cleanup_free_ char *modalias = NULL;
	int r = mf_device_modalias(dirfd, &modalias);

	if (r == -EFBIG)
		mf_log(w->ctx, MF_LOG_WARNING, "event: %s: its modalias is longer than a page [%s]",
		       syspath, mf_error_name(-MFE_BAD_MODALIAS));
	return r ? (r == -ENOMEM ? r : 0) : devices_add_want(w, modalias, syspath);
}

/* Adds the modules that udev rules load by name for the device in this directory. */
static int devices_add_rule_modules(struct devices_walk *w, int dirfd, const char *syspath)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	size_t n;
	int r;

	mf_udev_rules_lines(w->rules, &n);
	/* a directory is a device if it has this file */
	if (!n || faccessat(dirfd, "uevent", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	w->device.devpath = syspath + w->root_len;
	r = mf_udev_device_modules(&w->device, w->rules, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		r = devices_add_want(w, names.v[i], syspath);
	return r;
}

static int walk_directory(struct devices_walk *w, int dirfd, const char *syspath, int depth)
{
	_cleanup_closedir_ DIR *dir = mf_opendir(dirfd);
	struct dirent *e;
	int r;

	if (!dir)
		return -errno;
	r = devices_add_modalias(w, dirfd, syspath);
	if (r >= 0)
		r = devices_add_rule_modules(w, dirfd, syspath);
	while (r >= 0 && depth < DEPTH_MAX && (e = readdir(dir))) {
		_cleanup_close_ int child = -1;
		_cleanup_free_ char *path = NULL;

		if (e->d_name[0] == '.' || (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN))
			continue;
		child = openat(dirfd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child < 0)
			continue;
		path = mf_format("%s/%s", syspath, e->d_name);
		if (!path)
			return -ENOMEM;
		r = walk_directory(w, child, path, depth + 1);
	}
	return r;
}

static int walk_list(struct devices_walk *w, int fd)
{
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	size_t len;
	int r = mf_file_read(fd, LIST_MAX, &text, &len);

	/* a NUL does not end the list; it becomes a byte that no modalias may have */
	for (size_t i = 0; !r && i < len; i++)
		if (!text[i])
			text[i] = '\1';
	for (char *line = r < 0 ? NULL : strtok_r(text, "\r\n", &save); !r && line;
	     line = strtok_r(NULL, "\r\n", &save))
		if (*line != '#')
			r = devices_add_want(w, line, NULL);
	return r;
}

/* udev rules also see loaded modules as devices, and load others after them (ppdev). */
static int walk_modules(struct devices_walk *w)
{
	_cleanup_close_ int fd = mf_context_open(w->ctx, "sys/module", O_RDONLY | O_DIRECTORY);

	return fd < 0 ? 0 : walk_directory(w, fd, "/sys/module", DEPTH_MAX - 1);
}

static int walk_machine(struct devices_walk *w, int fd)
{
	int r;

	w->device = (struct mf_udev_device){ .tree = w->ctx,
					     .sysfs = "sys",
					     .database = "run/udev/data" };
	w->root_len = strlen("/sys");
	r = walk_directory(w, fd, "/sys/devices", 0);
	return r < 0 ? r : walk_modules(w);
}

/* A tree is the root of its own paths, so that no link in it points to devices of this machine. */
static int walk_recorded(struct devices_walk *w, int fd, const char *source)
{
	_cleanup_free_ char *path = strdup(source);
	struct mf_context tree = { .root = path, .root_fd = fd };

	if (!path)
		return -ENOMEM;
	w->root_len = strlen(path);
	while (w->root_len && path[w->root_len - 1] == '/')
		path[--w->root_len] = '\0';
	w->tree_len = w->root_len;
	w->device = (struct mf_udev_device){ .tree = &tree, .sysfs = "." };
	return walk_directory(w, fd, path, 0);
}

static void walk_done(struct devices_walk *w)
{
	mf_udev_rules_free(w->rules);
}

int mf_devices_read(struct mf_context *ctx, const char *source, bool each_device,
		    struct mf_wants *wants)
{
	_cleanup_(walk_done) struct devices_walk w = { .ctx = ctx,
						       .wants = wants,
						       .each_device = each_device };
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	/* SOURCE is a path of the caller's; the devices of the machine are below the root */
	fd = source ? open(source, O_RDONLY | O_CLOEXEC)
		    : mf_context_open(ctx, "sys/devices", O_RDONLY | O_DIRECTORY);
	/* an image has no sysfs, so no devices */
	if (!source && fd == -ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return mf_fail(ctx, MF_STAGE_EVENT, source ? -errno : fd,
			       source ? source : "/sys/devices", NULL);
	r = mf_udev_rules_read(ctx, &w.rules);
	if (r == 0 && source)
		r = S_ISDIR(st.st_mode) ? walk_recorded(&w, fd, source) : walk_list(&w, fd);
	else if (r == 0)
		r = walk_machine(&w, fd);
	return r < 0 ? mf_fail(ctx, MF_STAGE_EVENT, r, source ? source : "/sys/devices", NULL) : 0;
}

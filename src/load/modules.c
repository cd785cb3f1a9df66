/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The modules of the running kernel, as /sys/module shows them: which devices their drivers have, and
 * how one is removed.
 *
 * A driver stands in /sys/module/NAME/drivers/ as a link to its directory below /sys/bus, and that
 * one has a link for each of its devices, beside a link to its module.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/trials.h"

static DIR *open_directory(const struct mf_context *ctx, const char *path, int *ret_fd)
{
	*ret_fd = mf_context_open(ctx, path, O_RDONLY | O_DIRECTORY);
	return *ret_fd < 0 ? NULL : mf_opendir(*ret_fd);
}

/* The path of the device that a link of a driver's directory leads to: below /sys. NULL: none. */
static char *device_path(int dirfd, const char *name)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(dirfd, name, target, sizeof(target) - 1);
	const char *devices;

	if (len <= 0 || !strcmp(name, "module"))
		return NULL;
	target[len] = '\0';
	devices = strstr(target, "/devices/");
	return devices ? mf_format("/sys%s", devices) : NULL;
}

/* The devices of one driver, whose directory is PATH below the root. */
static int add_devices(const struct mf_context *ctx, const char *path, size_t max,
		       struct mf_strings *paths)
{
	_cleanup_close_ int fd = -1;
	_cleanup_closedir_ DIR *dir = open_directory(ctx, path, &fd);
	struct dirent *e;
	int r = 0;

	while (!r && dir && paths->n < max && (e = readdir(dir))) {
		_cleanup_free_ char *device = device_path(fd, e->d_name);

		if (device)
			r = mf_strings_add_unique(paths, device);
	}
	return r;
}

int mf_module_devices(const struct mf_context *ctx, const char *module, size_t max,
		      struct mf_strings *ret_paths)
{
	_cleanup_free_ char *path = mf_format("sys/module/%s/drivers", module);
	_cleanup_close_ int fd = -1;
	_cleanup_closedir_ DIR *dir = path ? open_directory(ctx, path, &fd) : NULL;
	size_t limit = ret_paths->n + max;
	struct dirent *e;
	int r = path ? 0 : -ENOMEM;

	while (!r && dir && (e = readdir(dir))) {
		const char *colon = strchr(e->d_name, ':');
		_cleanup_free_ char *driver = NULL;

		/* "pci:e1000e" */
		if (!colon)
			continue;
		driver = mf_format("sys/bus/%.*s/drivers/%s", (int)(colon - e->d_name), e->d_name,
				   colon + 1);
		r = driver ? add_devices(ctx, driver, limit, ret_paths) : -ENOMEM;
	}
	mf_strings_sort(ret_paths);
	return r;
}

bool mf_module_is_loaded(const struct mf_context *ctx, const char *module)
{
	_cleanup_free_ char *path = mf_format("sys/module/%s/refcnt", module);
	_cleanup_close_ int fd = path ? mf_context_open(ctx, path, O_PATH) : -1;

	/* what is built in has parameters at most */
	return fd >= 0;
}

int mf_module_unload(const struct mf_context *ctx, const char *module)
{
	if (*ctx->root || !mf_module_is_loaded(ctx, module))
		return 0;
	if (!syscall(SYS_delete_module, module, O_NONBLOCK))
		return 0;
	return errno == ENOENT ? 0 : errno == EWOULDBLOCK ? -EBUSY : -errno;
}

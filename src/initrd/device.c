/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The drivers of a device and of all devices between it and the processor.
 *
 * Two sources are used for each device, as by the generators of initrds. The module of the driver
 * that is bound is right for this machine, and known even if the new kernel has no driver on disk
 * yet. The modules that match its modalias are what the new kernel itself would load, if a driver
 * has another name there.
 *
 * A device on a system on a chip also depends on clocks, regulators and others that are not above
 * it in the tree: the links "supplier:…" name them.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/want.h"
#include "needs.h"

#define DEVICES_MAX 1024

static int device_add_driver(struct mf_needs *needs, const char *directory)
{
	_cleanup_free_ char *driver = mf_sysfs_follow(needs->ctx, directory, "driver");
	_cleanup_free_ char *module = driver ? mf_sysfs_follow(needs->ctx, driver, "module") : NULL;

	return module ? mf_needs_add(needs, needs->drivers, strrchr(module, '/') + 1) : 0;
}

static int device_add_modalias(struct mf_needs *needs, int fd)
{
	_cleanup_free_ char *modalias = NULL;
	int r = mf_device_modalias(fd, &modalias);

	if (r)
		return r == -ENOMEM ? r : 0;
	r = mf_needs_add_alias(needs, MF_NEED_USEFUL, modalias);
	return r < 0 ? r : 0;
}

static int device_add_suppliers(struct mf_needs *needs, const char *directory, int fd)
{
	_cleanup_closedir_ DIR *dir = mf_opendir(fd);
	struct dirent *e;
	int r = 0;

	while (dir && !r && (e = readdir(dir))) {
		_cleanup_free_ char *link = NULL, *device = NULL;

		if (!mf_starts_with(e->d_name, "supplier:"))
			continue;
		link = mf_sysfs_follow(needs->ctx, directory, e->d_name);
		device = link ? mf_sysfs_follow(needs->ctx, link, "supplier") : NULL;
		if (device)
			r = mf_needs_device(needs, device);
	}
	return r;
}

static int device_add(struct mf_needs *needs, const char *directory)
{
	_cleanup_close_ int fd = mf_context_open(needs->ctx, directory, O_RDONLY | O_DIRECTORY);
	int r;

	if (fd < 0)
		return 0;
	r = device_add_driver(needs, directory);
	if (!r)
		r = device_add_modalias(needs, fd);
	return r ? r : device_add_suppliers(needs, directory, fd);
}

int mf_needs_device(struct mf_needs *needs, const char *directory)
{
	_cleanup_free_ char *path = strdup(directory);
	int r = path ? 0 : -ENOMEM;

	while (!r && mf_starts_with(path, "sys/devices/")) {
		if (mf_strings_has(&needs->visited, path) || needs->visited.n >= DEVICES_MAX)
			return 0;
		r = mf_strings_add(&needs->visited, path);
		if (!r)
			r = device_add(needs, path);
		*strrchr(path, '/') = '\0';
	}
	return r;
}

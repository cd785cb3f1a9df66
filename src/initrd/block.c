/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The modules that a block device needs: its own driver, those of the devices that it is made of,
 * and of all devices that these are connected to.
 *
 * sysfs knows the devices that a device of device mapper, MD or bcache is made of ("slaves"); which
 * target or level it has is in attributes. The targets of LVM are in none, so those in use on this
 * machine are taken. An NVMe disk with several paths is a virtual device, whose controllers are
 * links beside it. The devices of a btrfs are known by sysfs only; its mount has a number that
 * belongs to no device.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "needs.h"

typedef int block_visit(struct mf_needs *needs, const char *directory, const char *name);

/* Calls VISIT for each name in a directory. 0 or its first return that is not 0. */
static int block_each(struct mf_needs *needs, const char *directory, block_visit *visit)
{
	_cleanup_close_ int fd = mf_context_open(needs->ctx, directory, O_RDONLY | O_DIRECTORY);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : mf_opendir(fd);
	struct dirent *e;
	int r = 0;

	while (dir && !r && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			r = visit(needs, directory, e->d_name);
	return r;
}

/* ---- kinds of devices that are made of others ---- */

/* A module of a target that some device of this machine uses. */
static int block_on_target(struct mf_needs *needs, const char *directory, const char *name)
{
	_cleanup_free_ char *path = NULL, *uses = NULL;

	if (!mf_starts_with(name, "dm_"))
		return 0;
	path = mf_format("%s/%s", directory, name);
	uses = path ? mf_sysfs_read(needs->ctx, path, "refcnt") : NULL;
	return uses && atoi(uses) > 0 ? mf_needs_add(needs, MF_NEED_REQUIRED, name) : 0;
}

static int block_add_mapper(struct mf_needs *needs, const char *uuid)
{
	int r = mf_needs_add(needs, MF_NEED_REQUIRED, "dm_mod");

	if (!r && mf_starts_with(uuid, "CRYPT-")) {
		needs->encrypted = true;
		return mf_needs_add(needs, MF_NEED_REQUIRED, "dm_crypt");
	}
	return r ? r : block_each(needs, "sys/module", block_on_target);
}

static int block_add_raid(struct mf_needs *needs, const char *level)
{
	static const struct {
		const char *level, *module;
	} levels[] = {
		{ "raid0", "raid0" },	{ "raid1", "raid1" },	{ "raid4", "raid456" },
		{ "raid5", "raid456" }, { "raid6", "raid456" }, { "raid10", "raid10" },
		{ "linear", "linear" },
	};
	int r = mf_needs_add(needs, MF_NEED_REQUIRED, "md_mod");

	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(levels); i++)
		if (!strcmp(level, levels[i].level))
			r = mf_needs_add(needs, MF_NEED_REQUIRED, levels[i].module);
	return r;
}

static int block_add_kind(struct mf_needs *needs, const char *directory)
{
	_cleanup_free_ char *uuid = mf_sysfs_read(needs->ctx, directory, "dm/uuid");
	_cleanup_free_ char *level = mf_sysfs_read(needs->ctx, directory, "md/level");
	int r = uuid ? block_add_mapper(needs, uuid) : 0;

	if (!r && level)
		r = block_add_raid(needs, level);
	if (!r && mf_starts_with(strrchr(directory, '/'), "/bcache"))
		r = mf_needs_add(needs, MF_NEED_REQUIRED, "bcache");
	return r;
}

/* ---- the tree of devices ---- */

static int block_add_directory(struct mf_needs *needs, const char *directory);

static int block_on_slave(struct mf_needs *needs, const char *directory, const char *name)
{
	_cleanup_free_ char *device = mf_sysfs_follow(needs->ctx, directory, name);

	return device ? block_add_directory(needs, device) : 0;
}

static int block_on_controller(struct mf_needs *needs, const char *directory, const char *name)
{
	_cleanup_free_ char *device =
		mf_starts_with(name, "nvme") ? mf_sysfs_follow(needs->ctx, directory, name) : NULL;

	return device ? mf_needs_device(needs, device) : 0;
}

static int block_add_directory(struct mf_needs *needs, const char *directory)
{
	_cleanup_free_ char *disk = strdup(directory), *slaves = NULL;
	_cleanup_free_ char *partition = mf_sysfs_read(needs->ctx, directory, "partition");
	char *slash = disk ? strrchr(disk, '/') : NULL;
	int r;

	if (!disk)
		return -ENOMEM;
	/* a ring of links ends here */
	if (!slash || mf_strings_has(&needs->visited, directory))
		return 0;
	if (partition)
		*slash = '\0';
	r = mf_needs_device(needs, directory);
	if (!r)
		r = block_add_kind(needs, disk);
	slaves = r ? NULL : mf_format("%s/slaves", disk);
	if (slaves)
		r = block_each(needs, slaves, block_on_slave);
	if (!r && mf_starts_with(disk, "sys/devices/virtual/nvme-subsystem/")) {
		*strrchr(disk, '/') = '\0';
		r = block_each(needs, disk, block_on_controller);
	}
	return r;
}

int mf_needs_block(struct mf_needs *needs, const char *number)
{
	_cleanup_free_ char *device = mf_sysfs_follow(needs->ctx, "sys/dev/block", number);

	return device ? block_add_directory(needs, device) : 0;
}

/* ---- btrfs ---- */

/* Has this file system, a directory of its devices, the device that is looked for? */
static bool block_is_member(struct mf_needs *needs, const char *devices, const char *wanted)
{
	_cleanup_close_ int fd = mf_context_open(needs->ctx, devices, O_RDONLY | O_DIRECTORY);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : mf_opendir(fd);
	struct dirent *e;
	bool found = false;

	while (dir && !found && (e = readdir(dir))) {
		_cleanup_free_ char *device = mf_sysfs_follow(needs->ctx, devices, e->d_name);

		found = device && !strcmp(device, wanted);
	}
	return found;
}

int mf_needs_btrfs(struct mf_needs *needs, const char *number)
{
	_cleanup_free_ char *wanted = mf_sysfs_follow(needs->ctx, "sys/dev/block", number);
	_cleanup_close_ int fd =
		mf_context_open(needs->ctx, "sys/fs/btrfs", O_RDONLY | O_DIRECTORY);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : mf_opendir(fd);
	struct dirent *e;
	int r = 0;

	while (dir && wanted && !r && (e = readdir(dir))) {
		_cleanup_free_ char *devices = mf_format("sys/fs/btrfs/%s/devices", e->d_name);

		if (!devices)
			return -ENOMEM;
		if (e->d_name[0] != '.' && block_is_member(needs, devices, wanted))
			r = block_each(needs, devices, block_on_slave);
	}
	return r;
}

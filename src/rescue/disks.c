/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds and mounts a medium in an initrd.
 *
 * The driver of a file system reads whatever a medium has, in the kernel: so only disks that a person
 * can plug in are tried unasked, and only the file systems of a short list. The mount is read-only,
 * without devices, programs and set-uid, and belongs to a mount namespace that ends with this process:
 * nothing of the boot that goes on sees it. A journal is not replayed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "rescue.h"

#define DIRECTORY "run/modfetch/medium"

/* In the order in which they are tried; the second: options that only this type has. */
static const struct {
	const char *type, *options;
} types[] = {
	{ "iso9660", NULL }, { "vfat", NULL },	   { "exfat", NULL },
	{ "udf", NULL },     { "ext4", "noload" },
};

/* Does the file NAME in DIRFD say "1"? */
static bool says_one(int dirfd, const char *name)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	return !mf_file_read_at(dirfd, name, 64, &text, &len) && *text == '1';
}

static bool is_pluggable(int class, const char *name)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(class, name, target, sizeof(target) - 1);
	_cleanup_close_ int fd = openat(class, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (len < 0 || fd < 0)
		return false;
	target[len] = '\0';
	if (strstr(target, "/virtual/"))
		return false;
	/* the second: of the disk that a partition is on */
	return strstr(target, "/usb") || says_one(fd, "removable") || says_one(fd, "../removable");
}

int rescue_find_disks(struct mf_context *ctx, struct mf_strings *ret_disks)
{
	_cleanup_close_ int fd = mf_context_open(ctx, "sys/class/block", O_RDONLY | O_DIRECTORY);
	_cleanup_(mf_strings_done) struct mf_strings disks = { 0 };
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : mf_opendir(fd);
	struct dirent *e;
	int r = fd == -ENOENT ? 0 : fd < 0 ? fd : dir ? 0 : -errno;

	while (!r && dir && (e = readdir(dir))) {
		_cleanup_free_ char *path = mf_format("/dev/%s", e->d_name);

		if (!path)
			r = -ENOMEM;
		else if (*e->d_name != '.' && is_pluggable(fd, e->d_name))
			r = mf_strings_add(&disks, path);
	}
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_FETCH, r, "/sys/class/block", NULL);
	mf_strings_sort(&disks);
	*ret_disks = disks;
	disks = (struct mf_strings){ 0 };
	return 0;
}

/* A mount namespace of our own, once, and the directory to mount on. */
static int prepare_mount(struct mf_context *ctx)
{
	_cleanup_close_ int fd = mf_context_mkdir(ctx, DIRECTORY);

	if (fd < 0)
		return mf_fail(ctx, MF_STAGE_FETCH, fd, "/" DIRECTORY, NULL);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return mf_fail(ctx, MF_STAGE_FETCH, -errno, "/" DIRECTORY,
			       "it cannot be mounted for this program alone; mount it and name its "
			       "directory");
	return 0;
}

int rescue_mount(struct mf_context *ctx, const char *device, const char **ret_path)
{
	const unsigned long flags =
		MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW | MS_SILENT;
	int r = prepare_mount(ctx);

	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(types); i++)
		if (!mount(device, "/" DIRECTORY, types[i].type, flags, types[i].options)) {
			*ret_path = "/" DIRECTORY;
			return 0;
		}
	return r ? r
		 : mf_fail(ctx, MF_STAGE_FETCH, -MFE_NOT_FOUND, device,
			   "it has no file system of the types vfat, exfat, iso9660, udf or ext4, "
			   "or "
			   "the initrd has no module for it: %s",
			   strerror(errno));
}

void rescue_unmount(void)
{
	umount2("/" DIRECTORY, MNT_DETACH);
}

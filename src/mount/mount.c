/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mounts media where no other process sees them.
 *
 * The first mount moves this process into a mount namespace of its own, to which mounts of the system
 * still come, but from which none goes back. An empty file system in memory over /run/modfetch/media has
 * the places. All media are read-only, without device files, set-user-ID programs, executable files or
 * symbolic links (kernels before 5.10 follow links; readers of media resolve names beneath their
 * directory anyway). A journal is not replayed. When the process ends, or is killed, all of it goes.
 *
 * The device is opened first and mounted through its descriptor, so that it is the one whose file system
 * was looked at. An image gets a loop device that the kernel takes back after the last use.
 *
 * What is on a medium can change between two reads, and the medium can be pulled out: its readers copy
 * what they use, and compare the copy with a signed digest.
 */
#include "modfetch/mount.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"

#define PLACE	    "/run/modfetch/media"
#define NO_LINKS    256 /* MS_NOSYMFOLLOW, which older headers lack */
#define MOUNT_FLAGS (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | NO_LINKS)
#define MOUNTS_MAX  16
#define LOOP_TRIES  8 /* another process may take the free device first */

#define ELSEWHERE                                                                                  \
	"modfetch media, and the other verbs by hand as root, can mount; modfetch.service may not"

static int mount_fail(struct mf_context *ctx, const char *source, int r, const char *what)
{
	if (r == -ENOMEM)
		return mf_fail(ctx, MF_STAGE_MEDIA, r, source, NULL);
	return mf_fail(ctx, MF_STAGE_MEDIA, -MFE_MEDIUM, source, "%s: %s", what,
		       mf_error_sentence(r));
}

/*
 * Opens the root of the context again, with the same number. The old one is a mount of the namespace
 * that this process has left; if no other process is in that, the kernel has taken the mounts below it
 * away, and with them the directories that a service may write.
 */
static int reopen_root(struct mf_context *ctx)
{
	_cleanup_close_ int fd =
		open(*ctx->root ? ctx->root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || dup3(fd, ctx->root_fd, O_CLOEXEC) < 0 ? -errno : 0;
}

/* Once a process. */
static int enter_namespace(struct mf_context *ctx, const char *source)
{
	if (unshare(CLONE_NEWNS) < 0)
		return mf_fail(ctx, MF_STAGE_MEDIA, -MFE_MEDIUM, source,
			       "this process may not mount (%s); " ELSEWHERE,
			       mf_error_sentence(-errno));
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 || reopen_root(ctx) < 0)
		return mount_fail(
			ctx, source, -errno,
			"the mounts of this process cannot be separated from those of others");
	if ((mkdir("/run/modfetch", 0755) < 0 && errno != EEXIST) ||
	    (mkdir(PLACE, 0700) < 0 && errno != EEXIST) ||
	    mount("modfetch", PLACE, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=0700,size=64k,nr_inodes=64") < 0)
		return mount_fail(ctx, source, -errno, "there is no place for it in " PLACE);
	return 0;
}

/* The index of SOURCE among the mounts of this process, or their number. */
static size_t find_mounted(const struct mf_strings *mounted, const char *source)
{
	size_t i = 0;

	while (i < mounted->n && strcmp(mounted->v[i], source))
		i++;
	return i;
}

/* ---- what may be mounted ---- */

static bool is_listed(const struct mf_context *ctx, const char *filesystem)
{
	_cleanup_(mf_strings_done) struct mf_strings words = { 0 };
	const char *list = ctx->settings.media_filesystems;

	return !mf_strings_split(&words, list ? list : MF_MEDIA_FILESYSTEMS) &&
	       mf_strings_has(&words, filesystem);
}

static ssize_t read_head(int fd, char *head, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = pread(fd, head + len, size - len, (off_t)len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

/* The name of the file system, static. WANTED: that it must be, or NULL. NULL: a failure was recorded. */
static const char *find_filesystem(struct mf_context *ctx, const char *source, int fd,
				   const char *wanted)
{
	_cleanup_free_ char *head = malloc(MF_FILESYSTEM_HEAD);
	const char *name;
	ssize_t len;

	if (!head) {
		(void)mf_fail(ctx, MF_STAGE_MEDIA, -ENOMEM, source, NULL);
		return NULL;
	}
	len = read_head(fd, head, MF_FILESYSTEM_HEAD);
	name = len < 0 ? NULL : mf_filesystem_of(head, (size_t)len);
	if (len < 0)
		(void)mount_fail(ctx, source, (int)len, "it cannot be read");
	else if (!name)
		(void)mf_fail(ctx, MF_STAGE_MEDIA, -MFE_MEDIUM, source,
			      "it has no file system of a known kind; copy the files to a stick "
			      "with vfat");
	else if (wanted && strcmp(wanted, name))
		(void)mf_fail(ctx, MF_STAGE_MEDIA, -MFE_MEDIUM, source,
			      "its file system is %s, but the URL names %s; correct the URL", name,
			      wanted);
	else if (!is_listed(ctx, name))
		(void)mf_fail(ctx, MF_STAGE_MEDIA, -MFE_MEDIUM, source,
			      "its file system is %s, which media-filesystems= in modfetch.conf "
			      "does not list; add it there, or use a stick with vfat",
			      name);
	else
		return name;
	return NULL;
}

/* Mounts the block device FD at the next place. */
static int mount_at_next(struct mf_context *ctx, const char *source, int fd, const char *wanted)
{
	struct mf_strings *mounted = &ctx->looked_up->mounted;
	_cleanup_free_ char *place = mf_format(PLACE "/%zu", mounted->n);
	char device[64];
	const char *filesystem = find_filesystem(ctx, source, fd, wanted);
	int r;

	if (!filesystem)
		return ctx->failure.code;
	if (!place)
		return mf_fail(ctx, MF_STAGE_MEDIA, -ENOMEM, source, NULL);
	snprintf(device, sizeof(device), "/proc/self/fd/%d", fd);
	if ((mkdir(place, 0700) < 0 && errno != EEXIST) ||
	    mount(device, place, filesystem, MOUNT_FLAGS,
		  strcmp(filesystem, "ext4") ? NULL : "noload") < 0)
		return errno == ENODEV
			       ? mf_fail(ctx, MF_STAGE_MEDIA, -MFE_MEDIUM, source,
					 "this kernel has no %s driver on disk; modfetch doctor "
					 "says what to install",
					 filesystem)
			       : mount_fail(ctx, source, -errno, "it cannot be mounted");
	r = mf_strings_add(mounted, source);
	if (r < 0) {
		(void)umount2(place, MNT_DETACH);
		return mf_fail(ctx, MF_STAGE_MEDIA, r, source, NULL);
	}
	return 0;
}

/* ---- loop devices ---- */

/* A read-only loop device of IMAGE that goes after its last use, or -errno. */
static int open_loop(int image)
{
	_cleanup_close_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	struct loop_config config = {
		.fd = (uint32_t)image,
		.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR,
	};

	if (control < 0)
		return -errno;
	for (int i = 0; i < LOOP_TRIES; i++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE), fd, r;
		char path[32];

		if (number < 0)
			return -errno;
		snprintf(path, sizeof(path), "/dev/loop%d", number);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		if (!ioctl(fd, LOOP_CONFIGURE, &config))
			return fd;
		r = -errno;
		close(fd);
		if (r != -EBUSY)
			return r;
	}
	return -EBUSY;
}

/* ---- all of it ---- */

/* Opens SOURCE, a device or an image, which may be on another medium. A descriptor or recorded. */
static int open_source(struct mf_context *ctx, const char *source, bool image)
{
	_cleanup_close_ int fd = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return mount_fail(ctx, source, -errno, "it cannot be opened");
	if (image ? !S_ISREG(st.st_mode) : !S_ISBLK(st.st_mode))
		return mf_fail(ctx, MF_STAGE_MEDIA, -MFE_MEDIUM, source,
			       image ? "it is no image: not a regular file"
				     : "it is no block device; name a directory without --device");
	return mf_steal_fd(&fd);
}

static int mount_source(struct mf_context *ctx, const char *source, bool image, const char *wanted,
			char **ret_path)
{
	_cleanup_close_ int fd = -1, loop = -1;
	struct mf_strings *mounted;
	size_t i;
	int r = 0;

	if (!ctx->looked_up)
		return mf_fail(ctx, MF_STAGE_MEDIA, -ENOMEM, source, NULL);
	mounted = &ctx->looked_up->mounted;
	i = find_mounted(mounted, source);
	if (i == MOUNTS_MAX)
		return mf_fail(ctx, MF_STAGE_MEDIA, -MFE_MEDIUM, source,
			       "more than %d media are in use; name fewer", MOUNTS_MAX);
	if (i == mounted->n) {
		fd = open_source(ctx, source, image);
		if (fd < 0)
			return fd;
		r = mounted->n ? 0 : enter_namespace(ctx, source);
		if (!r && image) {
			loop = open_loop(fd);
			if (loop < 0)
				return mount_fail(ctx, source, loop,
						  "there is no loop device for the image");
		}
		if (!r)
			r = mount_at_next(ctx, source, image ? loop : fd, wanted);
	}
	if (r < 0)
		return r;
	*ret_path = mf_format(PLACE "/%zu", i);
	return *ret_path ? 0 : mf_fail(ctx, MF_STAGE_MEDIA, -ENOMEM, source, NULL);
}

int mf_mount_device(struct mf_context *ctx, const char *device, const char *filesystem,
		    char **ret_path)
{
	return mount_source(ctx, device, false, filesystem, ret_path);
}

int mf_mount_image(struct mf_context *ctx, const char *image, char **ret_path)
{
	return mount_source(ctx, image, true, NULL, ret_path);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files of a box: a file system in memory, filled before the build and read after it.
 *
 * It is made without a place (fsmount(2)): no other process can see it, and it is gone when the
 * last descriptor and the namespace of the box are. Its size and the number of its files are
 * limited.
 *
 * The source is copied with modes and times, because make compares times; owner is the user of the
 * box. A link is copied as a link: it is followed in the box, where it leads to files of the box.
 * Devices, sockets and fifos are left out. No file is opened through a link.
 *
 * After the build every name in it is a stranger's choice. A result is opened only below the
 * directory, without any link on its path, without waiting, and must be a regular file; it is
 * copied to memory up to its limit. By then no process is left that could change it.
 */
#include "tree.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"

#define FILES_MAX "65536" /* each takes about a kilobyte of the kernel's memory */
#define DEPTH_MAX 40

static int make_directory(int tree, const char *name, uid_t uid, gid_t gid)
{
	/* bwrap enters it as root without rights over the files of others */
	return mkdirat(tree, name, 0755) < 0 || fchmodat(tree, name, 0755, 0) < 0 ||
			       fchownat(tree, name, uid, gid, 0) < 0
		       ? -errno
		       : 0;
}

int box_tree_new(uint64_t space, uid_t uid, gid_t gid)
{
	_cleanup_close_ int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC), tree = -1;
	char size[32];
	int r;

	snprintf(size, sizeof(size), "%llu", (unsigned long long)space);
	if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "size", size, 0) < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "nr_inodes", FILES_MAX, 0) < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "mode", "0755", 0) < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	tree = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	if (tree < 0)
		return -errno;
	r = make_directory(tree, BOX_COPY, uid, gid);
	if (!r)
		r = make_directory(tree, BOX_TMP, uid, gid);
	return r < 0 ? r : mf_steal_fd(&tree);
}

/* ---- the copy of the source ---- */

struct copy {
	struct mf_context *ctx;
	uid_t uid;
	gid_t gid;
	const char *source;
};

static int copy_fail(const struct copy *copy, int r, const char *name)
{
	_cleanup_free_ char *what = mf_format("%s: %s", copy->source, name);

	return mf_fail(
		copy->ctx, MF_STAGE_BUILD, r, what ? what : name,
		r == -ENOSPC ? "the source is larger than the space of a build; remove what is not "
			       "part of it, as old builds"
			     : NULL);
}

static int give(const struct copy *copy, int fd, const struct stat *st)
{
	const struct timespec times[] = { st->st_atim, st->st_mtim };

	return fchown(fd, copy->uid, copy->gid) < 0 || fchmod(fd, st->st_mode & 0777) < 0 ||
			       futimens(fd, times) < 0
		       ? -errno
		       : 0;
}

static int copy_file(const struct copy *copy, int from_dir, int to_dir, const char *name)
{
	_cleanup_close_ int from = openat(from_dir, name,
					  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
						  O_CLOEXEC),
			    to = -1;
	struct stat st;

	if (from < 0 || fstat(from, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	/* until its end: its size may be another by now */
	for (;;) {
		ssize_t n = sendfile(to, from, NULL, 1 << 20);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n)
			return give(copy, to, &st);
	}
}

static int copy_link(const struct copy *copy, int from_dir, int to_dir, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from_dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return symlinkat(target, to_dir, name) < 0 ||
			       fchownat(to_dir, name, copy->uid, copy->gid, AT_SYMLINK_NOFOLLOW) < 0
		       ? -errno
		       : 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): DEPTH_MAX */
static int copy_directory(const struct copy *copy, int from, int to, unsigned int depth);

/* NOLINTNEXTLINE(misc-no-recursion): DEPTH_MAX */
static int copy_below(const struct copy *copy, int from_dir, int to_dir, const char *name,
		      unsigned int depth)
{
	_cleanup_close_ int from = openat(from_dir, name,
					  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
			    to = -1;
	struct stat st;
	int r;

	if (from < 0 || fstat(from, &st) < 0 || mkdirat(to_dir, name, 0700) < 0)
		return copy_fail(copy, -errno, name);
	to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return copy_fail(copy, -errno, name);
	r = depth ? copy_directory(copy, from, to, depth - 1) : copy_fail(copy, -ELOOP, name);
	if (r < 0)
		return r;
	/* the user may add files, whatever the mode of the source */
	st.st_mode |= 0700;
	r = give(copy, to, &st);
	return r < 0 ? copy_fail(copy, r, name) : 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): DEPTH_MAX */
static int copy_entry(const struct copy *copy, int from, int to, const char *name,
		      unsigned int depth)
{
	struct stat st;
	int r = 0;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return copy_fail(copy, -errno, name);
	if (S_ISDIR(st.st_mode))
		return copy_below(copy, from, to, name, depth);
	if (S_ISLNK(st.st_mode))
		r = copy_link(copy, from, to, name);
	else if (S_ISREG(st.st_mode))
		r = copy_file(copy, from, to, name);
	return r < 0 ? copy_fail(copy, r, name) : 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): DEPTH_MAX */
static int copy_directory(const struct copy *copy, int from, int to, unsigned int depth)
{
	_cleanup_closedir_ DIR *dir = mf_opendir(from);
	const struct dirent *entry;
	int r = 0;

	if (!dir)
		return copy_fail(copy, -errno, ".");
	while (!r && (errno = 0, entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			r = copy_entry(copy, from, to, entry->d_name, depth);
	return !r && errno ? copy_fail(copy, -errno, ".") : r;
}

int box_tree_fill(struct mf_context *ctx, int tree, const char *source, uid_t uid, gid_t gid)
{
	const struct copy copy = { .ctx = ctx, .uid = uid, .gid = gid, .source = source };
	_cleanup_close_ int from = mf_context_open(ctx, source, O_RDONLY | O_DIRECTORY),
			    to = openat(tree, BOX_COPY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (from < 0 || to < 0)
		return mf_fail(ctx, MF_STAGE_BUILD, from < 0 ? from : -errno, source, NULL);
	return copy_directory(&copy, from, to, DEPTH_MAX);
}

/* ---- the results ---- */

static int open_result(struct mf_context *ctx, int tree, const char *path)
{
	const struct open_how how = {
		.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_NO_XDEV,
	};
	_cleanup_close_ int copy = openat(tree, BOX_COPY, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = copy < 0 ? -1 : (int)syscall(SYS_openat2, copy, path, &how, sizeof(how));

	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENOTDIR)
		return -ENOENT;
	if (errno == ELOOP || errno == ENXIO || errno == EXDEV)
		return mf_fail(ctx, MF_STAGE_BUILD, -MFE_BAD_MODULE, path,
			       "the build left a link or a socket there, not a file");
	return mf_fail(ctx, MF_STAGE_BUILD, -errno, path, NULL);
}

int box_tree_take(struct mf_context *ctx, int tree, const char *path, uint64_t max)
{
	_cleanup_close_ int from = open_result(ctx, tree, path), fd = -1;
	struct stat st;
	int r;

	if (from < 0)
		return from;
	if (fstat(from, &st) < 0)
		return mf_fail(ctx, MF_STAGE_BUILD, -errno, path, NULL);
	if (!S_ISREG(st.st_mode))
		return mf_fail(ctx, MF_STAGE_BUILD, -MFE_BAD_MODULE, path,
			       "the build left no regular file there");
	if ((uint64_t)st.st_size > max)
		return mf_fail(ctx, MF_STAGE_BUILD, -MFE_TOO_LARGE, path,
			       "the build made a file of %llu bytes, the limit is %llu",
			       (unsigned long long)st.st_size, (unsigned long long)max);
	fd = mf_memfile_new("result");
	r = fd < 0 ? fd : 0;
	for (off_t left = st.st_size; !r && left > 0;) {
		ssize_t n = sendfile(fd, from, NULL, (size_t)left);

		if (n > 0)
			left -= n;
		else if (!n || errno != EINTR)
			r = n ? -errno : -EIO;
	}
	if (!r)
		r = mf_memfile_seal(fd);
	return r < 0 ? mf_fail(ctx, MF_STAGE_BUILD, r, path, NULL) : mf_steal_fd(&fd);
}

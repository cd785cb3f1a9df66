/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The helper under a service manager has no right to make a file system of its own (rights.c), and
 * mounts that the manager makes for it cost more time than a download. Landlock restricts it to the
 * same files with a few system calls.
 */
#include "landlock.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "modfetch/cleanup.h"

/* Rights of later versions, which older kernel headers lack. */
#define ACCESS_TRUNCATE	 (1ULL << 14)
#define ACCESS_IOCTL_DEV (1ULL << 15)

/* All rights that version ABI of Landlock can take away. */
static uint64_t known_rights(long abi)
{
	/* version 1: from EXECUTE, the lowest bit, to MAKE_SYM */
	uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

	if (abi >= 2)
		rights |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		rights |= ACCESS_TRUNCATE;
	if (abi >= 5)
		rights |= ACCESS_IOCTL_DEV;
	return rights;
}

static int allow_reading(int ruleset, const char *path)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE };
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR;
	else if (S_ISCHR(st.st_mode))
		rule.allowed_access |= LANDLOCK_ACCESS_FS_WRITE_FILE;
	rule.parent_fd = fd;
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0
		       ? -errno
		       : 0;
}

int fetch_landlock(const char *const *paths, size_t n)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	const struct landlock_ruleset_attr attributes = { .handled_access_fs = known_rights(abi) };
	_cleanup_close_ int ruleset = -1;
	int r = 0;

	if (abi < 0)
		return -errno;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
	if (ruleset < 0)
		return -errno;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = allow_reading(ruleset, paths[i]);
	if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		r = -errno;
	return r;
}

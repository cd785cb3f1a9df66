/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds out whether the process sees the machine that will boot from the root.
 *
 * In a chroot (an installer, an image build) and in a container /sys is that of the host. As systemd
 * does, the root of the process is compared with that of process 1. Where /proc is mounted but hides
 * process 1, as for a confined service, it is the machine; where it is not mounted, a chroot. Each
 * container manager leaves a file, which the documentation of systemd's and podman's interfaces
 * describes.
 */
#include "modfetch/machine.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"

static bool is_container(void)
{
	static const char *const marks[] = { "/run/systemd/container", "/run/.containerenv",
					     "/.dockerenv" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(marks); i++)
		if (!access(marks[i], F_OK))
			return true;
	return false;
}

static bool is_chroot(void)
{
	struct stat ours, first;

	if (stat("/", &ours) < 0)
		return true;
	if (stat("/proc/1/root", &first) < 0)
		return errno == ENOENT && access("/proc/self/status", F_OK) < 0;
	return ours.st_dev != first.st_dev || ours.st_ino != first.st_ino;
}

bool mf_machine_has_devices(const struct mf_context *ctx)
{
	_cleanup_close_ int fd = mf_context_open(ctx, "sys/devices", O_RDONLY | O_DIRECTORY);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return false;
	if (fs.f_type != SYSFS_MAGIC)
		return true;
	return !*ctx->root && !is_container() && !is_chroot();
}

void mf_boot_id(const struct mf_context *ctx, char ret_boot[MF_BOOT_ID_SIZE])
{
	_cleanup_close_ int fd =
		mf_context_open(ctx, "proc/sys/kernel/random/boot_id", O_RDONLY | O_NOCTTY);
	ssize_t got = fd < 0 ? 0 : read(fd, ret_boot, MF_BOOT_ID_SIZE - 1);

	ret_boot[got > 0 ? got : 0] = '\0';
	ret_boot[strcspn(ret_boot, " \n")] = '\0';
	if (!*ret_boot)
		memcpy(ret_boot, "-", 2);
}

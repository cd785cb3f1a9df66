/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which devices of this machine have no driver: a walk over /sys/devices.
 *
 * The kernel names each device in a file "modalias" or in "uevent", and its driver by a link "driver". A
 * USB device is bound to the kernel's own "usb", and its interfaces are devices of their own. Links are not followed, so the walk
 * ends. Displays and sound cards are left out, see rescue.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/cleanup.h"
#include "modfetch/device-names.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/want.h"
#include "rescue.h"

#define DEPTH_MAX      48
#define PCI_DISPLAY    3
#define PCI_MULTIMEDIA 4

static bool is_left_out(const char *modalias)
{
	const struct mf_device_id id = mf_device_id_parse(modalias);

	return !strcmp(id.bus, "pci") && (id.class == PCI_DISPLAY || id.class == PCI_MULTIMEDIA);
}

static int add_device(int dirfd, struct mf_strings *modaliases)
{
	_cleanup_free_ char *modalias = NULL;
	char name[MF_MODALIAS_MAX];
	int r;

	if (!faccessat(dirfd, "driver", F_OK, AT_SYMLINK_NOFOLLOW))
		return 0;
	r = mf_device_modalias(dirfd, &modalias);
	if (r)
		return r == -ENOMEM ? r : 0; /* the device went away, or has none */
	if (!mf_modalias_valid(modalias, strlen(modalias)) || is_left_out(modalias) ||
	    mf_alias_normalize(modalias, name, sizeof(name)) < 0)
		return 0;
	return mf_strings_add_unique(modaliases, name);
}

static int walk_devices(int dirfd, unsigned int depth, struct mf_strings *modaliases)
{
	_cleanup_closedir_ DIR *dir = mf_opendir(dirfd);
	struct dirent *e;
	int r = dir ? add_device(dirfd, modaliases) : 0;

	while (!r && dir && depth < DEPTH_MAX && (e = readdir(dir))) {
		_cleanup_close_ int fd = -1;

		if (*e->d_name == '.' || (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN))
			continue;
		fd = openat(dirfd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			r = walk_devices(fd, depth + 1, modaliases);
	}
	return r;
}

int rescue_devices(struct mf_context *ctx, struct mf_strings *ret_modaliases)
{
	_cleanup_close_ int fd = mf_context_open(ctx, "sys/devices", O_RDONLY | O_DIRECTORY);
	_cleanup_(mf_strings_done) struct mf_strings modaliases = { 0 };
	int r = fd < 0 ? fd : walk_devices(fd, 0, &modaliases);

	if (r < 0)
		return mf_fail(ctx, MF_STAGE_MATCH, r, "/sys/devices", NULL);
	*ret_modaliases = modaliases;
	modaliases = (struct mf_strings){ 0 };
	return 0;
}

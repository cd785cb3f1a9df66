/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_UDEV_DEVICE_H
#define MODFETCH_UDEV_DEVICE_H
/*
 * What udev's rules load by name for one device, judged from its directory in sysfs as udev judges
 * it when the device is added. Libc only.
 */
#include "modfetch/context.h"
#include "modfetch/strings.h"
#include "modfetch/udev-rules.h"

struct mf_udev_device {
	const struct mf_context *tree; /* SYSFS and DATABASE are paths below its root */
	const char *sysfs;	       /* "sys", or "." for a recorded tree */
	const char *database;	       /* "run/udev/data", or NULL: there is none */
	const char *devpath;	       /* below SYSFS, with a slash in front: "/devices/…" */
	/* KEY=VALUE strings and a NULL: udev's own properties. NULL: the uevent file and the
	 * database say them. */
	char *const *properties;
};

/*
 * Adds the names of the modules that RULES load for the device to RET_NAMES, each once. A property
 * or attribute that the device has not is treated as udev treats it; a GOTO that cannot be judged
 * here counts as taken, so that in doubt nothing is loaded. 0 or -ENOMEM.
 */
int mf_udev_device_modules(const struct mf_udev_device *device, const struct mf_udev_rules *rules,
			   struct mf_strings *ret_names);

#endif

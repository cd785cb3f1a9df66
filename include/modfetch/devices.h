/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_DEVICES_H
#define MODFETCH_DEVICES_H
/*
 * The devices of a machine, of a recorded sysfs tree, or of a list: each modalias becomes a want,
 * and so does each module that a rule of udev's loads by name for a device (not for a list's).
 */
#include <stdbool.h>
#include "modfetch/context.h"
#include "modfetch/rules.h"
#include "modfetch/want.h"

/*
 * Reads SOURCE: a directory that is walked for devices (links are not followed), or a list, a file
 * with a modalias a line; empty lines and those that begin with '#' are passed over. NULL:
 * sys/devices below the context's root, where there is one. With EACH_DEVICE every device is a want
 * of its own, with its syspath; without, devices of one modalias that policy cannot tell apart are
 * one. What is out of bounds is a want of kind MF_WANT_BAD, always with its syspath. 0 or -errno,
 * recorded.
 */
int mf_devices_read(struct mf_context *ctx, const char *source, bool each_device,
		    struct mf_wants *wants);

/*
 * What the device of a directory of sysfs calls itself: the first line of its "modalias", or what
 * its "uevent" has after "MODALIAS=". Unchecked. 0 (new memory); 1: neither says so; -EFBIG or
 * -errno.
 */
int mf_device_modalias(int dirfd, char **ret_modalias);

/*
 * Fills in what policy has to know of the device that a want is for: that it is one, whether it can
 * be unplugged (the nearest "removable" attribute at it or above it says so, for USB and for PCI
 * behind an external port), and its modalias, where the want is for another name. PATH is its
 * directory below the root of TREE; of one that is gone nothing is known. Every way that leads from
 * a device to a want comes by here. 0 or -ENOMEM.
 */
int mf_device_describe(const struct mf_context *tree, const char *path, struct mf_want *want);

/* The name of the driver a device is bound to: new memory, or NULL. */
char *mf_device_driver(const struct mf_context *ctx, const char *syspath);

#endif

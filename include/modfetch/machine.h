/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_MACHINE_H
#define MODFETCH_MACHINE_H
/* Do the devices that this process sees belong to the root of the context, and which boot is this? */
#include <stdbool.h>
#include "modfetch/context.h"

/*
 * Does /sys below the root describe the machine that boots from this root? False in a chroot, an
 * image or a container, where /sys is missing or shows the devices of the host. A copy of a sysfs
 * below a root counts.
 */
bool mf_machine_has_devices(const struct mf_context *ctx);

#define MF_BOOT_ID_SIZE 40
/* The id of this boot, /proc/sys/kernel/random/boot_id below the root; "-": not known. */
void mf_boot_id(const struct mf_context *ctx, char ret_boot[MF_BOOT_ID_SIZE]);

#endif

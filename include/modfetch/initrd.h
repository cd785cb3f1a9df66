/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_INITRD_H
#define MODFETCH_INITRD_H
/*
 * The early boot of the context's kernel: the modules that it needs to mount the root file system.
 */
#include "modfetch/context.h"
#include "modfetch/strings.h"

/*
 * Finds the modules that the early boot needs, built-in ones left out:
 *	- the types of the file systems of / and /usr, and of mounts with x-initrd.mount in fstab,
 *	- the drivers of the block devices below them and below the device to resume from, with all
 *	  devices that these are connected to (device mapper, RAID, controllers, USB hosts),
 *	- where a device is encrypted, the drivers of the keyboards and the ciphers in use,
 *	- the modules that the configuration of the installed generator lists.
 * Without devices of the machine (modfetch/machine.h) only fstab and the configuration are read. A
 * name is spelled as by kmod; a module that the kernel does not have yet keeps the name that it has
 * in the running kernel. RET_NAMES: sorted, each once. 0 or a recorded failure.
 */
int mf_initrd_modules(struct mf_context *ctx, struct mf_strings *ret_names);

/*
 * Finds those of these modules that the early boot will lack: they are not on disk. RET_NAMES:
 * sorted. 0 (also if it is empty) or a recorded failure.
 */
int mf_initrd_gaps(struct mf_context *ctx, struct mf_strings *ret_names);

#endif

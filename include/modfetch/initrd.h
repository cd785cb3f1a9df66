/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_INITRD_H
#define MODFETCH_INITRD_H
/*
 * The early boot of the context's kernel: the modules that it needs to mount the root file system,
 * and the initrd that has copies of them.
 */
#include <stdbool.h>
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
 * Finds those of these modules that the early boot will lack: they are not in the initrd of the
 * kernel, or, while it has none, not on disk. Ciphers, keyboards and what only an alias names are
 * left to the generator, and must be on disk only. RET_NAMES: sorted. 0 (also if it is empty) or a
 * recorded failure.
 */
int mf_initrd_gaps(struct mf_context *ctx, struct mf_strings *ret_names);

/* A directory with a file for each kernel whose initrd has to be compared: see pending.c. */
#define MF_INITRD_PENDING "var/lib/modfetch/initrd"

/*
 * Remembers that modules of KERNEL changed: PATHS below its directory. To be called while the lock
 * is held and before the transaction is final. Does nothing if the kernel has no initrd or
 * settings.regenerate_initrd is "never". A failure is logged.
 */
void mf_initrd_note(struct mf_context *ctx, const char *kernel, const struct mf_strings *paths);

/*
 * Makes each initrd of such a kernel again whose copies of these modules are not those on disk, or
 * that lacks one of them which the early boot needs. To be called without the lock: the hooks of the
 * generators call modfetch. 0; -MFE_INITRD: a generator failed, and the old initrd stays; or another
 * recorded failure, of the first kernel that had one.
 */
int mf_initrd_settle(struct mf_context *ctx);

/*
 * The same for all modules in the initrd of the context's kernel, and all that it must have. 0: it
 * is new (with DRY_RUN: it would be), and RET_WHY is a clause, the caller's to free; 1: nothing was
 * to be done, or it cannot be done here; or a failure as above.
 */
int mf_initrd_renew(struct mf_context *ctx, bool dry_run, char **ret_why);

/*
 * Visits the modules of the context's kernel of which its initrd has certainly another build than
 * the file that its index names: INITRD is the path of the initrd below the root, PATH that of the
 * file below the kernel's directory, OLDER: the initrd was written before that file. A copy that is
 * only stripped or signed otherwise is the same. 0 (also without an initrd), the visitor's return
 * that is not 0, or a recorded failure.
 */
typedef int mf_initrd_copy_visit(void *arg, const char *initrd, const char *path, bool older);
int mf_initrd_each_other_copy(struct mf_context *ctx, mf_initrd_copy_visit *visit, void *arg);

#endif

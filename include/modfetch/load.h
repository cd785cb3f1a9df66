/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_LOAD_H
#define MODFETCH_LOAD_H
/*
 * Stage load: loads the modules of each want, dependencies first, and checks whether the device got
 * its driver.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include "modfetch/context.h"
#include "modfetch/libkmod.h"
#include "modfetch/modinfo.h"
#include "modfetch/pending-loads.h"
#include "modfetch/want.h"

/*
 * Loads the modules of N wants; a failure of one does not stop the others. Reads the indexes again,
 * since depmod has just written them. Fills loaded and load_error. Records in ATTEMPTS, and on
 * disk, each module before it is loaded; in unattended runs a module that crashed another boot is
 * skipped, with a line in the log. 0, or -errno recorded if libkmod cannot work at all.
 */
int mf_load(struct mf_context *ctx, struct mf_pending_loads *attempts, struct mf_want *wants,
	    size_t n);

/*
 * Records the modules that mf_load() will load for these wants, before depmod adds them to the
 * indexes; CHANGED are the module files of the transaction. Other modules in the packages are not
 * recorded: a module that udev is kept from has to be loaded by the run. 0 or -errno, recorded.
 */
int mf_load_expect(struct mf_context *ctx, struct mf_pending_loads *attempts,
		   const struct mf_want *wants, size_t n, const struct mf_strings *changed);

/* A module that is verified, but not installed yet; all borrowed. */
struct mf_load_image {
	const char *path;      /* that its file will have below lib/modules/KERNEL of the context */
	const uint8_t *sha256; /* of the file */
	const struct mf_modinfo *info; /* with its data */
};

/*
 * Loads N modules from memory for wants that have a device each, dependencies first, if all of them are needed by
 * the wants and the load has no other effect than mf_load() after their installation. Reads modprobe.d by
 * KMOD. Records the modules in ATTEMPTS as mf_load() does, which is to be called in any case. True: all
 * of them are in the kernel; false: not, without a failure on record.
 */
bool mf_load_early(struct mf_context *ctx, struct mf_kmod *kmod, struct mf_pending_loads *attempts,
		   const struct mf_want *wants, size_t n_wants, const struct mf_load_image *images,
		   size_t n);

/*
 * Waits until the device of each want with a syspath has a driver, at most settings.bind_timeout
 * milliseconds for all, and fills driver. Returns the number of devices that have no driver (yet):
 * not a failure, since a driver may be for a part of the device, or decline it.
 */
int mf_load_wait(struct mf_context *ctx, struct mf_want *wants, size_t n);

/*
 * The mark of a run that may load modules now (MF_LOADING_FILE, modfetch/file.h). Call these
 * functions with the lock held.
 */

/*
 * Sets the mark before udev or the run may load modules, which may request others. Without the mark
 * such a request waits for the timeout of the lock, so a failure is only a warning.
 */
void mf_loading_mark(const struct mf_context *ctx);
/* Removes the mark. Call it before the lock is released. */
void mf_loading_unmark(const struct mf_context *ctx);

/*
 * The identity of the kernel directory of the context, lib/modules/KVER below the root.
 */

/* The status of the directory; st_ino 0: it does not exist. Never fails. */
struct stat mf_kernel_dir(const struct mf_context *ctx);
/*
 * Checks that the directory is still that of BEFORE. 0: it is, or there was none.
 * -MFE_KERNEL_CHANGED, recorded: it was replaced or removed.
 */
int mf_kernel_dir_same(struct mf_context *ctx, const struct stat *before);

#endif

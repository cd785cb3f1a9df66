/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_LOAD_H
#define MODFETCH_LOAD_H
/*
 * Stage load: asks the kernel for the modules of each want, dependencies first, and sees whether
 * the device got its driver.
 */
#include <sys/stat.h>
#include "modfetch/context.h"
#include "modfetch/pending-loads.h"
#include "modfetch/want.h"

/*
 * Loads what N wants stand for, all of them whatever becomes of one. Reads the indexes anew, since
 * depmod has just written them. Fills loaded and load_error. Notes in ATTEMPTS, and on disk, what
 * it is about to load; unattended, what another boot did not survive is left out, which is said
 * once. 0, or -errno recorded where libkmod cannot work at all.
 */
int mf_load(struct mf_context *ctx, struct mf_pending_loads *attempts, struct mf_want *wants,
	    size_t n);

/*
 * Notes the modules that are about to be named by the indexes, CHANGED being their files, and that
 * mf_load() will load for these wants. Others that came along are not noted: who holds udev back
 * from a module has to load it. 0 or -errno, recorded.
 */
int mf_load_expect(struct mf_context *ctx, struct mf_pending_loads *attempts,
		   const struct mf_want *wants, size_t n, const struct mf_strings *changed);

/*
 * Waits until every want's device that has a syspath has a driver, at most settings.bind_timeout
 * milliseconds for all, and fills driver. Returns the number of devices that have none (yet): no
 * failure, since a driver may be there for a part of the device, or decline it.
 */
int mf_load_wait(struct mf_context *ctx, struct mf_want *wants, size_t n);

/*
 * The mark of a run that may load modules now (MF_LOADING_FILE, modfetch/file.h). To be called by
 * the holder of the lock.
 */

/*
 * From now on modules may be loaded, by udev or by the run, and may ask for others. Without the mark
 * such a request waits for the lock's timeout; so a mark that cannot be made is a warning.
 */
void mf_loading_mark(const struct mf_context *ctx);
/* To be called before the lock is given back. */
void mf_loading_unmark(const struct mf_context *ctx);

/*
 * The identity of the context's kernel directory, lib/modules/KVER below the root.
 */

/* The directory as it is now; st_ino 0: there is none. Never fails. */
struct stat mf_kernel_dir(const struct mf_context *ctx);
/*
 * Is it still the directory of BEFORE? 0: yes, or there was none. -MFE_KERNEL_CHANGED, recorded: it
 * was replaced or is gone.
 */
int mf_kernel_dir_same(struct mf_context *ctx, const struct stat *before);

#endif

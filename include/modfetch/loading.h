/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_LOADING_H
#define MODFETCH_LOADING_H
/*
 * The mark of a run that may load modules now (MF_LOADING_FILE, modfetch/lock.h). To be called by
 * the holder of the lock.
 */
#include "modfetch/context.h"

/*
 * From now on modules may be loaded, by udev or by the run, and may ask for others. Without the mark
 * such a request waits for the lock's timeout; so a mark that cannot be made is a warning.
 */
void mf_loading_mark(const struct mf_context *ctx);
/* To be called before the lock is given back. */
void mf_loading_unmark(const struct mf_context *ctx);

#endif

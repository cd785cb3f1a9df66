/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_RESTORE_H
#define MODFETCH_RESTORE_H
/* Brings back the versions that a transaction replaced, when it is undone. */
#include "modfetch/context.h"
#include "modfetch/strings.h"

/*
 * Installs those of the packages REPLACED ("name-evr.arch") that are kept (modfetch/kept.h), in the place
 * of whatever version of them is there. RET_RESTORED: their labels. A kept package that is missing or
 * damaged is left out, with a warning if damaged. 0 or a recorded failure.
 */
int mf_restore(struct mf_context *ctx, const struct mf_strings *replaced,
	       struct mf_strings *ret_restored);
/* Do two labels have one name? */
bool mf_labels_same_name(const char *a, const char *b);

#endif

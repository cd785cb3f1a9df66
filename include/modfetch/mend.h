/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_MEND_H
#define MODFETCH_MEND_H
/*
 * Where the rpm database and the module tree disagree: a package is installed, but its module is
 * not to be found.
 */
#include "modfetch/context.h"
#include "modfetch/want.h"

/*
 * Is a package installed that carries a module these wants miss? Then the indexes are made anew.
 * Returns 1 if that was so: forget the matches and match again; 0; or a recorded failure.
 */
int mf_mend_indexes(struct mf_context *ctx, const struct mf_wants *wants);
/*
 * To be called after that: marks what is still missing, and whose installed package lacks a file,
 * as broken: it is to be installed again. What depmod leaves out for a reason of its own is not. 0
 * or a recorded failure.
 */
int mf_mend_mark(struct mf_context *ctx, struct mf_wants *wants);

#endif

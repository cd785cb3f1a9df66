/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INITRD_OUTDATED_H
#define INITRD_OUTDATED_H
/* Would a new initrd have other modules than the one on disk? */
#include "modfetch/context.h"
#include "modfetch/strings.h"

/*
 * Compares the initrd of the context's kernel with the modules on disk. NAMES: of these modules
 * only; NULL: of all that are in the initrd or must be. Returns 1: another copy of a module is on
 * disk, or none any more, or a module is missing that the early boot needs; RET_WHY is a clause, new
 * memory. 0: no difference, or there is no initrd. Or a recorded failure.
 */
int mf_initrd_outdated(struct mf_context *ctx, const struct mf_strings *names, char **ret_why);

#endif

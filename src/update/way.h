/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef UPDATE_WAY_H
#define UPDATE_WAY_H
/* Shared by the ways back and the trials. */
#include "modfetch/update.h"

/* Makes what a run needs of the labels. 0 or a recorded failure. */
int update_complete_way(struct mf_context *ctx, struct mf_way_back *way);
/* Is a package with that label installed? RET_ERROR: 0, or the recorded failure of the rpm database. */
bool update_is_installed(struct mf_context *ctx, const char *label, int *ret_error);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SRC_REPO_VARIABLES_H
#define SRC_REPO_VARIABLES_H
/* Variables in the values of .repo files. */
#include "modfetch/context.h"

/*
 * Replaces the variables of TEXT and removes final slashes. Both results are the caller's to free. 0 and
 * RET_TEXT; 1 and RET_UNKNOWN: the first variable without a value, as "$NAME"; or -ENOMEM.
 */
int repo_variables_expand(const struct mf_context *ctx, const char *text, char **ret_text,
			  char **ret_unknown);

#endif

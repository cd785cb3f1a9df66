/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef UPKEEP_JUDGE_H
#define UPKEEP_JUDGE_H
/* Which needs of a kernel are met. */
#include "modfetch/upkeep.h"
#include "needs.h"

/*
 * Judges NEEDS and the indexes for the context's kernel; RET_GAPS as mf_ready(). RET_BRING: the names
 * of packages and patterns that have to be installed. Plans only, without network. 0, or a recorded
 * failure.
 */
int upkeep_judge(struct mf_context *ctx, struct needs *needs, struct mf_gaps *ret_gaps,
		 struct mf_strings *ret_bring);

/* Adds a gap; all strings are copied. 0 or -ENOMEM. */
int upkeep_gaps_add(struct mf_gaps *gaps, const char *driver, const char *wanted, const char *lacks,
		    int code);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_CASE_H
#define MODFETCH_CASE_H
/*
 * A planned run as a resolver case: a text with what there is, what was asked and what came of it,
 * that can be run again elsewhere (tests/resolve/case.py says its form). Of the repositories and
 * the machine it has what the plan could depend on, and nothing else.
 */
#include <stdio.h>
#include "modfetch/pipeline.h"

/*
 * Writes the case of a run that went the road with dry_run and has a catalog. FAILURE: how it
 * ended, or NULL. 0, or a recorded error; what OUT could not take is for who closes it to find.
 */
int mf_case_write(struct mf_context *ctx, const struct mf_run *run,
		  const struct mf_failure *failure, FILE *out);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_NAMES_STEP_H
#define MODFETCH_NAMES_STEP_H
/* What the words after "install" mean: names-step.c. */
#include "modfetch/context.h"
#include "modfetch/libkmod.h"
#include "modfetch/pipeline.h"
#include "modfetch/policy.h"

/*
 * Makes wants, already matched, of the names to install that mean a module, an alias or a modalias,
 * if the selection has any_form and the run a catalog. The other names stay in the selection, which
 * then points to a list of the run. 0 or a recorded failure.
 */
int mf_names_step(struct mf_context *ctx, struct mf_run *run, struct mf_kmod *kmod,
		  const struct mf_policy *policy);

#endif

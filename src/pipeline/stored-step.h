/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PIPELINE_STORED_STEP_H
#define PIPELINE_STORED_STEP_H
/* Packages of a plan whose files are on this machine. */
#include "modfetch/kept.h"
#include "modfetch/pipeline.h"

/* Sets the source of each package of the plan that has its file here, and the plan's bytes to fetch. */
void mf_stored_step(const struct mf_context *ctx, struct mf_run *run);
/*
 * Takes such a file: a sealed copy, if its digest is that of the plan. 0; 1: it is damaged, which is
 * logged, or gone, and the package has to be fetched; or -ENOMEM or another -errno, recorded.
 */
int mf_stored_take(struct mf_context *ctx, struct mf_plan_item *item,
		   struct mf_fetched *ret_fetched);
/*
 * What the directory of packages knows of an item. Its label is new memory, which the caller frees; all
 * else is borrowed. The label is NULL without memory.
 */
struct mf_kept_package mf_stored_package(const struct mf_plan_item *item);

#endif

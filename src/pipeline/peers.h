/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PIPELINE_PEERS_H
#define PIPELINE_PEERS_H
/* Packages that other machines serve. */
#include "modfetch/pipeline.h"

/*
 * Asks the machines of peers= for the packages of the plan that have no file in FETCHED yet, and sets the
 * source of those that came. What does not come is left to the repositories: no failure is reported.
 */
void mf_peers_fetch(struct mf_context *ctx, struct mf_run *run, struct mf_fetched *fetched);

#endif

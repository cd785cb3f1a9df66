/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_FAULT_H
#define MODFETCH_FAULT_H
/*
 * Whose fault it is that a plan cannot be carried out, so that one package or one repository costs
 * nothing but itself: run->fault tells whoever has several wants whether fewer may fare better.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/fetch.h"
#include "modfetch/pipeline.h"

/* Is a failure one that passes: no network, a lock, a full server? */
bool mf_fault_passes(int code);
/* Is it one that passes, and of a repository: may another one be there? */
bool mf_fault_of_repository(int code);
/* Is it one that passes, of a run that has done nothing but find that it has to wait? */
bool mf_fault_waits(int code);
/* May a run for fewer modaliases fare better? With what ails a package it may. */
bool mf_fault_spoils(int code);

/*
 * May the plan's packages be asked for: is the metadata they come from in use still trusted and
 * young enough, and none of their repositories among run->unreachable? 0 or a recorded failure,
 * with run->fault.
 */
int mf_fault_foreseen(struct mf_context *ctx, struct mf_run *run);

/*
 * Sets run->fault after mf_fetch() of the plan's packages failed with CODE, and adds the repository
 * to run->unreachable where it was that. FETCHED as it was filled. Returns CODE.
 */
int mf_fault_of_fetch(struct mf_run *run, const struct mf_fetched *fetched, int code);

/* The repository, by its place in the catalog, could not be reached: sets and adds the same. */
void mf_fault_unreachable(struct mf_run *run, size_t repo);

#endif

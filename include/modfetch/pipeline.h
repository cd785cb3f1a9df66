/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_PIPELINE_H
#define MODFETCH_PIPELINE_H
/*
 * The road: the only place that knows the order of the stages.
 *   event → match → resolve → fetch → verify → install → depmod → load → bound
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/catalog.h"
#include "modfetch/context.h"
#include "modfetch/fetch.h"
#include "modfetch/resolve.h"
#include "modfetch/want.h"

/* The points of the road a time is taken at: the end of each stage. */
enum mf_stage {
	MF_STARTED,
	MF_MATCHED,
	MF_RESOLVED,
	MF_FETCHED,
	MF_VERIFIED,
	MF_INSTALLED,
	MF_INDEXED,
	MF_LOADED,
	MF_BOUND,
	MF_N_STAGES,
};
const char *mf_stage_name(enum mf_stage stage);

/* Whose fault a failure is, where a run for fewer wants may fare better. */
enum mf_fault {
	MF_FAULT_NONE,
	MF_FAULT_PACKAGE,    /* one of the plan: it is gone, or not what it should be */
	MF_FAULT_REPOSITORY, /* one of several: what needs no package of it could be had */
};

struct mf_run {
	/* asked */
	const char *verb;      /* for the history */
	struct mf_wants wants; /* from mf_want_init(); may be empty with a selection */
	struct mf_selection selection;
	bool dry_run; /* ends with the plan; changes nothing, not even metadata */
	bool no_load;
	bool no_sync;		     /* an image build: leave syncing to whoever writes the image */
	mf_fetch_progress *progress; /* or NULL */
	void *progress_arg;
	bool metadata_asked; /* metadata was fetched, or could not be, a moment ago: not again */
	struct mf_strings *unreachable; /* NULL, or ids of repositories that are asked for no
					   package; those that could not be reached are added */
	/* answered */
	struct mf_catalog *catalog; /* NULL where no repository could be opened */
	struct mf_plan plan;
	uint64_t stamp[MF_N_STAGES]; /* CLOCK_MONOTONIC microseconds; 0: not reached */
	bool refreshed;		     /* metadata was fetched on the way */
	bool repaired;		     /* indexes were wrong and made anew */
	int unbound;		     /* devices without a driver at the end */
	enum mf_fault fault;	     /* of a run that failed */
	size_t fault_repo;	     /* of a package: its place in the catalog's repositories */
	struct mf_failure
		scriptlet; /* one failed; all else went on, and this is how the run ends */
};

/*
 * Goes the whole road once, as one transaction, and appends a line to the history. Where a
 * repository has no metadata yet it is refreshed first. Returns 0: something was installed, removed
 * or loaded; 1: there was nothing to do (look at the wants' states for why); or a recorded failure.
 * Give the run to mf_run_done() in any case.
 */
int mf_pipeline_run(struct mf_context *ctx, struct mf_run *run);
void mf_run_done(struct mf_run *run);

/*
 * Whose fault it is that a plan cannot be carried out, so that one package or one repository costs
 * nothing but itself: run->fault tells whoever has several wants whether fewer may fare better.
 */

/* Is a failure one that passes: no network, a lock, a full server? */
bool mf_fault_passes(int code);
/* Is it one that passes, and of a repository: may another one be there? */
bool mf_fault_of_repository(int code);
/* Is it one that passes, of a run that has done nothing but find that it has to wait? */
bool mf_fault_waits(int code);
/* May a run for fewer modaliases fare better? With what ails a package it may. */
bool mf_fault_blames_package(int code);

/*
 * May the plan's packages be asked for: is the metadata they come from in use still trusted and
 * young enough, and none of their repositories among run->unreachable? 0 or a recorded failure,
 * with run->fault.
 */
int mf_fault_expected(struct mf_context *ctx, struct mf_run *run);

/*
 * Sets run->fault after mf_fetch() of the plan's packages failed with CODE, and adds the repository
 * to run->unreachable where it was that. FETCHED as it was filled. Returns CODE.
 */
int mf_fault_of_fetch(struct mf_run *run, const struct mf_fetched *fetched, int code);

/* The repository, by its place in the catalog, could not be reached: sets and adds the same. */
void mf_fault_unreachable(struct mf_run *run, size_t repo);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_PIPELINE_H
#define MODFETCH_PIPELINE_H
/*
 * The pipeline: the only place that knows the order of the stages.
 *   event → match → resolve → fetch → verify → install → depmod → load → bound
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/catalog.h"
#include "modfetch/context.h"
#include "modfetch/fetch.h"
#include "modfetch/links.h"
#include "modfetch/local.h"
#include "modfetch/resolve.h"
#include "modfetch/want.h"

/* The points of the pipeline with a time stamp: the end of each stage. */
enum mf_stamp {
	MF_STARTED,
	MF_MATCHED,
	MF_RESOLVED,
	MF_FETCHED,
	MF_VERIFIED,
	MF_LOADED_EARLY, /* see src/pipeline/early-step.h; usually not reached */
	MF_INSTALLED,
	MF_INDEXED,
	MF_LOADED,
	MF_BOUND,
	MF_N_STAMPS,
};
/* As in the history and its JSON; static. */
const char *mf_stamp_name(enum mf_stamp stage);

/* The cause of a failure, where a run for fewer wants may succeed. */
enum mf_fault {
	MF_FAULT_NONE,
	MF_FAULT_PACKAGE,    /* a package of the plan: it is gone, or its contents are wrong */
	MF_FAULT_REPOSITORY, /* one of several: a plan without its packages could succeed */
};

struct mf_run;

/* A plan of more packages, or of more bytes to fetch, is confirmed before it is carried out. */
#define MF_CONFIRM_PACKAGES 20
#define MF_CONFIRM_BYTES    (50ULL * 1000 * 1000)

/*
 * Asks the user whether the plan of RUN shall be carried out. 0: yes; -MFE_NOT_CONFIRMED or another
 * failure, recorded.
 */
typedef int mf_confirm(void *arg, struct mf_context *ctx, const struct mf_run *run);

struct mf_run {
	/* input */
	const char *verb;      /* for the history */
	struct mf_wants wants; /* from mf_want_init(); may be empty with a selection */
	struct mf_selection selection;
	/* package files of this machine that the plan may take, see mf_catalog_open_local(); borrowed */
	const struct mf_local *locals;
	size_t n_locals;
	const char *reason; /* for the history: a clause why modfetch itself does it, or NULL */
	int64_t undoes;	    /* for the history: the id of the run that this one reverses, or 0 */
	bool trial;	    /* replaced drivers are on trial, see modfetch/trials.h */
	bool dry_run;	    /* ends with the plan; changes nothing, not even metadata */
	bool no_load;
	bool no_sync; /* an image build: the image writer syncs */
	/*
	 * NULL: no plan is asked for. A plan that removes a package, or is larger than above, is
	 * asked for once, without the lock, since a device that is plugged in does not wait for the user;
	 * what is carried out then is in the plan that was confirmed, or the user is asked again
	 */
	mf_confirm *confirm;
	void *confirm_arg;
	bool confirm_always; /* whatever the size of the plan */
	bool metadata_asked; /* metadata was fetched, or could not be, a moment ago: not again */
	struct mf_strings *unreachable; /* NULL, or ids of repositories that get no request for a
					   package; the run adds those that it cannot reach */
	/* output */
	struct mf_catalog *catalog;  /* NULL where no repository could be opened */
	struct mf_strings confirmed; /* labels of the packages that the user has agreed to */
	struct mf_strings packages;  /* the names to install that are no modules, see any_form */
	struct mf_plan plan;
	struct mf_links links;	     /* of a dry run: those that it would make besides the plan */
	uint64_t stamp[MF_N_STAMPS]; /* CLOCK_MONOTONIC microseconds; 0: not reached */
	bool refreshed;		     /* the run fetched metadata */
	bool repaired;		     /* indexes were wrong and were rebuilt */
	int64_t id;		     /* in the history; 0: not recorded */
	int unbound;		     /* devices without a driver at the end */
	enum mf_fault fault;	     /* of a run that failed */
	size_t fault_repo;	     /* of a package: the catalog's index of its repository */
	/* a scriptlet failed, but the run went on: it returns this failure at its end */
	struct mf_failure scriptlet;
};

/*
 * Runs all stages once, as one transaction, and appends a line to the history. A repository without
 * metadata is refreshed first. Returns 0: something was installed, removed or loaded; 1: there was
 * nothing to do (the wants' states have the reasons); or a recorded failure: that of a stage, or the
 * one of run->confirm. The caller gives the
 * run to mf_run_done() in any case.
 */
int mf_pipeline_run(struct mf_context *ctx, struct mf_run *run);
void mf_run_done(struct mf_run *run);

/*
 * Writes into the journal, or to stderr where there is none, a line for each device that got a driver from
 * the RUN, which has ended without a failure, and one for the run. For runs that no person watches.
 */
void mf_report_run(struct mf_context *ctx, const struct mf_run *run);

/*
 * The cause of a failed plan, so that one bad package or repository does not stop drivers from
 * others: run->fault says, for a caller with several wants, whether a run for fewer may succeed.
 */

/* Is the failure transient: no network, a lock, a full server? */
bool mf_fault_is_transient(int code);
/* Is it transient and of one repository, so that another one may be reachable? */
bool mf_fault_is_of_repository(int code);
/* Is it transient, and did the run do nothing but find that it has to wait? */
bool mf_fault_only_waited(int code);
/* Is it the failure of a package, so that a run for fewer modaliases may succeed? */
bool mf_fault_is_of_package(int code);

/*
 * Checks before fetching that the metadata of the plan's packages is still trusted and young
 * enough, and that none of their repositories is in run->unreachable. 0 or a recorded failure, with
 * run->fault set.
 */
int mf_fault_check_plan(struct mf_context *ctx, struct mf_run *run);

/*
 * Sets run->fault after mf_fetch() of the plan's packages failed with CODE, and adds the repository
 * to run->unreachable if it could not be reached. FETCHED as mf_fetch() filled it. Returns CODE.
 */
int mf_fault_set_from_fetch(struct mf_run *run, const struct mf_fetched *fetched, int code);

/* The same for REPO, an index of the catalog's repositories, which could not be reached. */
void mf_fault_set_unreachable(struct mf_run *run, size_t repo);

#endif

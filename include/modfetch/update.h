/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_UPDATE_H
#define MODFETCH_UPDATE_H
/*
 * Newer versions of installed drivers, and the way back. All functions are about the context's kernel.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/local.h"
#include "modfetch/resolve.h"
#include "modfetch/strings.h"
#include "modfetch/trials.h"

/* A package that could be installed in the place of what there is. All strings are owned. */
struct mf_update {
	char *name;	 /* of the package */
	char *installed; /* evr of the installed version; NULL: the module is no package's */
	char *evr, *label, *repo; /* of the newer version, and the id of its repository */
	char *arch;
	char *module;  /* a module in it, or NULL */
	char *blocked; /* one clause why it is not installed unasked, or NULL */
	bool held;     /* that is because a rule holds the installed version */
};

/* Zeroed: none. Sorted by name. */
struct mf_updates {
	struct mf_update *v;
	size_t n, room;
};
void mf_updates_done(struct mf_updates *updates);

/*
 * Finds the newer versions of installed driver packages, each in the repository that its installed
 * version came from; and out-of-box drivers that the admin prefers (prefer=1, or a rule) for modules that
 * are loaded now, or that were asked for by name, and are not theirs. NAMES: only packages with these names,
 * short names ("igb-kmp") or modules; NULL: all. 0 (also if there are none); -MFE_NOT_FOUND: one of
 * NAMES is no installed package and nothing could take its place; or another recorded failure.
 */
int mf_updates_find(struct mf_context *ctx, const struct mf_strings *names,
		    struct mf_updates *ret_updates);
/*
 * The installed driver packages, with evr and label NULL, and repo NULL where no repository is known
 * that it came from. 0 or a recorded failure.
 */
int mf_updates_installed(struct mf_context *ctx, struct mf_updates *ret_installed);
/*
 * The patterns of the repositories for this kernel, by their names without the kernel, sorted. 0 or a
 * recorded failure.
 */
int mf_updates_patterns(struct mf_context *ctx, struct mf_strings *ret_names);
/* Those that nothing blocks, for a selection; the caller frees the array, not its strings. NULL: no memory. */
struct mf_version *mf_updates_versions(const struct mf_updates *updates, size_t *ret_n);

/*
 * Drops the updates that repair no security problem, by the advisories of their repositories: what
 * auto-update=security may install. A repository with damaged advisories has none, with a warning. 0 or
 * -ENOMEM, recorded.
 */
int mf_updates_keep_security(struct mf_context *ctx, struct mf_updates *updates);

/* What a run has to install and to remove so that an earlier state comes back. */
struct mf_way_back {
	struct mf_strings labels; /* "name-evr.arch" of packages that come back */
	struct mf_strings remove; /* names of packages that go */
	struct mf_strings bad;	  /* labels that are replaced or removed */
	char *kernel;		  /* the release that it is about */
	int64_t id;		  /* of the run that is undone, or 0 */
	/* made of these, for a run */
	struct mf_local kept;
	struct mf_version *versions;
};
void mf_way_back_done(struct mf_way_back *way);

/*
 * How to undo the run ID of the history. A package that is not installed any more as the run left it is
 * left as it is, with a line in the log. 0; 1: there is nothing to undo; -MFE_NOT_FOUND or another
 * recorded failure.
 */
int mf_way_back_from_run(struct mf_context *ctx, int64_t id, struct mf_way_back *ret_way);
/* The same for the last run that replaced a version by another and was not undone. */
int mf_way_back_last_update(struct mf_context *ctx, struct mf_way_back *ret_way);
/*
 * How to go back to the version before, of each installed package that NAMES mean: the newest kept one
 * that is older and was not taken back, else the newest older one of its repository. 0; -MFE_NOT_FOUND: no
 * such package, or no older version; or another recorded failure.
 */
int mf_way_back_to_older(struct mf_context *ctx, const struct mf_strings *names,
			 struct mf_way_back *ret_way);
/* Notes that the admin took these versions back (modfetch/taken-back.h). 0 or a recorded failure. */
int mf_way_back_note(struct mf_context *ctx, const struct mf_way_back *way);

/*
 * Trials of updates.
 */

/* What a trial came to, for a line each. Zeroed: nothing. */
struct mf_trial_results {
	struct mf_strings passed, taken_back, waiting; /* "igb-kmp 1.2-1: why" */
};
void mf_trial_results_done(struct mf_trial_results *results);

/*
 * Loads the new modules of all trials of this kernel in place of the old ones, and waits for their
 * devices; an update whose device is not bound again is taken back at once. A module that is in use
 * waits for the next boot. 0 or a recorded failure; what is in RET_RESULTS was done.
 */
int mf_trials_reload(struct mf_context *ctx, struct mf_trial_results *ret_results);
/*
 * Judges the trials of earlier boots: takes back those in which the machine went down, and those with
 * a device that is not bound after WAIT_MS. As above.
 */
int mf_trials_judge(struct mf_context *ctx, unsigned int wait_ms,
		    struct mf_trial_results *ret_results);

#endif

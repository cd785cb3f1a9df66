/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DEPMOD_RUN_H
#define DEPMOD_RUN_H
/* One run of the stage: all that its steps hand each other, and how the indexes are made of it. */
#include <pthread.h>
#include "src/depmod/depmod-publish.h"

/* The longest first; GRAPH before all, so that whoever waits for it waits for one under way. */
enum dm_job {
	DM_JOB_GRAPH,
	DM_JOB_ALIAS_BIN,
	DM_JOB_DEP,
	DM_JOB_SYMBOLS,
	DM_JOB_ALIAS,
	DM_JOB_REST,
	DM_JOB_BUILTIN,
	DM_JOB_STATE,
	DM_N_JOBS
};

/* In the order it is filled in. */
struct dm_run {
	struct mf_context *ctx;
	const struct mf_depmod_options *options;
	struct dm_tree tree;
	struct dm_state state; /* of last time, or empty */
	bool known;	       /* it is not empty */
	struct dm_flavour flavour;
	struct dm_config config;
	struct dm_scan scan;
	struct dm_modules modules;
	struct dm_match match;
	struct dm_fresh fresh;
	struct dm_graph graph;
	struct dm_input order, builtin, builtin_modinfo;
	uint64_t inputs, scan_rules;
	bool facts_changed;
	bool exports_read; /* by a file that was read, now or when it was last */
	size_t n_read;
	bool ahead[DM_N_JOBS]; /* made before all was known */
	struct dm_buf indexes[DM_N_OUTPUTS];
	bool new_base; /* the recent part of the state is taken into a new base */
	struct dm_buf new_state;
	struct dm_publish publish;
	int codes[DM_N_JOBS];
	pthread_mutex_t mutex; /* of the two below, while jobs run */
	pthread_cond_t cond;
	bool graph_done, graph_failed;
};

/* Does this run write the index at all? */
bool dm_is_written(const struct dm_run *run, enum dm_index index);
/* Is the index the file that the last run published? */
bool dm_is_intact(const struct dm_run *run, enum dm_index index);

/*
 * Makes what needs no more than the modules' names and order, on the guess that no file that is
 * still to be read exports a symbol: most drivers do not. dm_make_all() uses it if that came true.
 */
void dm_make_ahead(struct dm_run *run);
/* Forgets that. */
void dm_make_forget(struct dm_run *run);
/* Makes all indexes and the new state, and stages what differs. 0, or a code that is recorded. */
int dm_make_all(struct dm_run *run);
/* The new state alone. 0 or a negative code. */
int dm_make_state(struct dm_run *run);

#endif

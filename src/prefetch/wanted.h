/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PREFETCH_WANTED_H
#define PREFETCH_WANTED_H
/* The drivers that the words of prefetch= name, and the plan for them. */
#include "modfetch/catalog.h"
#include "modfetch/pipeline.h"
#include "modfetch/prefetch.h"

/* Zeroed: nothing. */
struct wanted {
	struct mf_strings queries;  /* modules and aliases, none twice, in the order of the words */
	struct mf_strings words;    /* the word of each */
	struct mf_strings packages; /* full names of packages without modules, as firmware */
	struct mf_strings package_words;
	struct mf_strings no_driver; /* words that mean nothing here */
};
void prefetch_wanted_done(struct wanted *wanted);

/* What WORDS mean for the context's kernel. 0 or a recorded failure. */
int prefetch_wanted_collect(struct mf_context *ctx, struct mf_catalog *catalog,
			    const struct mf_strings *words, struct wanted *ret_wanted);

/*
 * Adds the modules for devices that could be plugged into this machine, sorted, none twice. 0 or a
 * recorded failure.
 */
int prefetch_hotplug(struct mf_context *ctx, struct mf_catalog *catalog,
		     struct mf_strings *modules);
/* Are there devices of this prefix of modaliases ("usb:") that can come while this machine runs? */
bool prefetch_can_plug(const struct mf_context *ctx, const char *alias);

/*
 * Plans, without changing anything, for what is wanted and fits into LIMIT bytes. RET_RUN has the plan and
 * its catalog, and is for mf_run_done(). LEFT_OUT: the queries that did not fit. 0; 1: nothing is
 * missing; or a recorded failure.
 */
int prefetch_plan(struct mf_context *ctx, const struct wanted *wanted, uint64_t limit,
		  struct mf_run *ret_run, struct mf_strings *left_out);

/* How many bytes of a file system with BYTES in all have to stay free. */
uint64_t prefetch_reserve(uint64_t bytes);
/*
 * Fetches, verifies and keeps those packages of the plan that are not intact on this machine, in groups, so
 * that an end in between loses little. Sets the state of each. 0 or the last failure, recorded: what
 * other packages do not share with it was brought.
 */
int prefetch_bring(struct mf_context *ctx, struct mf_run *run, struct mf_prefetch *prefetch);

#endif

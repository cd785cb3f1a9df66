/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_TRAVEL_H
#define MODFETCH_TRAVEL_H
/*
 * Drivers for a machine without a network, by way of another machine: the list of what it needs is
 * gathered there, and here its packages are planned and fetched into a driver medium, a directory of
 * repositories as they were published (modfetch-media(7)).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/list.h"
#include "modfetch/strings.h"
#include "modfetch/want.h"

/* ---- on the machine without a network: gather.c ---- */

struct mf_gather {
	const struct mf_wants *names; /* asked for by the admin; NULL: none */
	bool missing_only;	      /* only the devices for which nothing is on disk */
	bool exports;		      /* the symbols that the kernel exports, too */
};

/*
 * Lists the devices of the machine, what it requests at boot, and what is on disk for the context's
 * kernel, which need not be installed. Needs no repository and writes nothing. 0, or -MFE_USAGE (the
 * kernel's release cannot be part of a list) or another failure, recorded.
 */
int mf_list_gather(struct mf_context *ctx, const struct mf_gather *what, struct mf_list *ret_list);

/* ---- on any machine: fetch-for.c ---- */

/* A repository that was named on the command line. */
struct mf_travel_repo {
	const char *url;
	const char *key; /* path of a file with its key */
};

struct mf_travel {
	const struct mf_lists *lists;
	const char *output;		    /* directory of the medium; made if it is missing */
	const struct mf_travel_repo *repos; /* none: those that are configured on this machine */
	size_t n_repos;
	bool dry_run; /* fetches metadata, plans, and writes nothing to the medium */
};

/* A device or name of which no package could be planned. */
struct mf_travel_left {
	char *query;
	char *reason;
	bool asked;	/* by the admin, by name */
	bool has_match; /* a repository has a driver, but it cannot be installed */
};

struct mf_travel_result {
	size_t devices;	 /* of all lists, for which nothing is on disk */
	size_t packages; /* that they need */
	uint64_t bytes;	 /* of these */
	size_t fetched;	 /* packages and metadata files that were written to the medium */
	uint64_t fetched_bytes;
	size_t removed;		  /* files of an earlier run that nothing needs any more */
	struct mf_strings labels; /* "name-evr.arch" of the packages */
	struct mf_travel_left *left;
	size_t n_left;
	bool changed; /* the medium is not as it was */
};
void mf_travel_result_done(struct mf_travel_result *result);

/*
 * Plans for each list as if it were that machine, fetches what is not on the medium yet, and writes it.
 * The medium says that it is incomplete until all of it is there. Needs no rights but to write to
 * OUTPUT and to a temporary directory. 0, also if something is left over; or the failure of a stage,
 * recorded.
 */
int mf_fetch_for(struct mf_context *ctx, const struct mf_travel *travel,
		 struct mf_travel_result *ret_result);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef UPKEEP_BROUGHT_H
#define UPKEEP_BROUGHT_H
/* The packages that modfetch brought. */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

/* An installed package. */
struct brought_package {
	char *name;
	char *label;		   /* name-evr.arch */
	struct mf_strings files;   /* modules: "/lib/modules/K/…", without /usr */
	struct mf_strings kernels; /* in whose directories it has modules */
	bool brought;		   /* modfetch installed it, as the history says */
	bool kernel;		   /* it is a kernel itself */
	bool firmware;		   /* it has files below lib/firmware */
};

/* Zeroed: empty. */
struct brought {
	struct brought_package *v;
	size_t n, room;
};

/* Reads the rpm database and the history. 0, or a recorded failure. */
int upkeep_brought_read(struct mf_context *ctx, struct brought *ret_brought);
void upkeep_brought_done(struct brought *brought);

/*
 * Adds the targets below lib/modules of links in the directories of all installed kernels but NOT (may be NULL), as
 * "/lib/modules/K/…", and for each the release of the kernel that has the link. 0, or a recorded
 * failure.
 */
int upkeep_link_targets(struct mf_context *ctx, const char * not, struct mf_strings *targets,
			struct mf_strings *users);

#endif

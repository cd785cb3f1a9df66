/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RESOLVE_REMOVED_H
#define RESOLVE_REMOVED_H
/* The files of the installed packages that a plan removes or replaces. */
#include <stdbool.h>
#include "modfetch/context.h"
#include "modfetch/plan.h"
#include "modfetch/rpm.h"
#include "modfetch/strings.h"

/* The caller sets the first three, which are borrowed; the rest is zero. */
struct resolve_removed {
	struct mf_context *ctx;
	const struct mf_plan *plan;
	const struct mf_rpm_header *const *headers; /* of the packages in the plan */
	bool read;
	struct mf_strings paths; /* sorted, without "/usr" */
};

/*
 * 1: PATH, without "/usr", belongs to a package to be removed or replaced; 0: it does not; or a
 * recorded failure.
 */
int resolve_removed_has(struct resolve_removed *removed, const char *path);
void resolve_removed_done(struct resolve_removed *removed);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_RESOLVE_H
#define MODFETCH_RESOLVE_H
/*
 * Stage resolve: from wants to a plan, the packages that hold together with what is installed and
 * with this very kernel.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/catalog.h"
#include "modfetch/judge.h"
#include "modfetch/plan.h"
#include "modfetch/policy.h"
#include "modfetch/want.h"

/* What to plan for besides wants: packages or patterns by name, to install or to remove. */
struct mf_selection {
	const struct mf_strings *install;
	const struct mf_strings *remove;
	const struct mf_verdicts *refused; /* packages that must not come */
};

/*
 * Plans for the wants that are available, and for a selection (may be NULL). A module whose packages
 * the policy all refuses, for any module in them, is refused; what is only recommended is left out,
 * with a line in the log. A want that cannot be had, with this kernel, with the others or because the policy refuses what it needs, loses its
 * state "available" and says why; if none remains the call fails with that reason. Returns 0; 1:
 * there is nothing to do; -MFE_NOT_FOUND (a name of the selection), -MFE_NO_SYMBOL, -MFE_DENIED,
 * -MFE_WRONG_KERNEL, -MFE_UNSOLVABLE, -MFE_BAD_METADATA or -errno, recorded.
 */
int mf_resolve(struct mf_context *ctx, struct mf_catalog *catalog, const struct mf_policy *policy,
	       struct mf_wants *wants, const struct mf_selection *selection,
	       struct mf_plan *ret_plan);

#endif

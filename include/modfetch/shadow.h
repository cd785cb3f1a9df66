/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SHADOW_H
#define MODFETCH_SHADOW_H
/*
 * Would a package take the place of a module or of firmware that the machine or its kernel's own
 * repository has (promise P28)? Only the admin says that it may: by prefer=1 or a
 * better priority of its repository, or by naming the package after "install".
 */
#include "modfetch/catalog.h"
#include "modfetch/plan.h"
#include "modfetch/policy.h"
#include "modfetch/rpm-header.h"

/*
 * Checks the packages of a plan, by the header of each, against each kernel that they
 * have modules for; reads the rpm database and the trees of these kernels, changes nothing. 0;
 * -MFE_FORBIDDEN_FILE, recorded with what would be shadowed and the ways out; another recorded
 * failure.
 */
int mf_shadow_check(struct mf_context *ctx, struct mf_catalog *catalog,
		    const struct mf_policy *policy, const struct mf_plan *plan,
		    const struct mf_rpm_header *const *headers);

#endif

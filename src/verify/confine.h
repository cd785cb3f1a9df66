/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_CONFINE_H
#define MODFETCH_CONFINE_H
/*
 * The files that a driver package may contain (promise P16): modules below lib/modules/KVER,
 * firmware, depmod.d and documentation; regular files, directories and links that stay inside;
 * user and group root, not writable by others, directories of mode 0755; a kernel's own files only
 * if the admin has named the package of that kernel (modfetch/verify.h); and no scriptlet, unless
 * the admin allows scriptlets of this repository (scriptlets=1 in its .repo file).
 */
#include "modfetch/context.h"
#include "modfetch/plan.h"
#include "modfetch/repo.h"
#include "modfetch/rpm.h"

/*
 * Checks the header of a plan's item. Notes a package with scriptlets (modfetch/scriptlets.h). 0, -MFE_FORBIDDEN_FILE or
 * -MFE_SCRIPTLET, recorded with the path and the rule; or -ENOMEM, recorded.
 */
int mf_confine(struct mf_context *ctx, const struct mf_repo *repo, const struct mf_plan_item *item,
	       const struct mf_rpm_header *header);

#endif

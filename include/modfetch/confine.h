/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_CONFINE_H
#define MODFETCH_CONFINE_H
/*
 * What a driver package may bring (promise P16): modules below lib/modules/KVER, firmware, depmod.d
 * and documentation; ordinary files, folders and links that stay inside; owned by root, not
 * writable by others; and no program to run, unless the admin has allowed this very repository to
 * bring scriptlets (scriptlets=1 in its .repo file).
 */
#include "modfetch/context.h"
#include "modfetch/repo.h"
#include "modfetch/rpm.h"

/*
 * Checks a package's header. Pure but for the record. 0, -MFE_FORBIDDEN_FILE or -MFE_SCRIPTLET,
 * recorded with the path and the rule.
 */
int mf_confine(struct mf_context *ctx, const struct mf_repo *repo, const char *package,
	       const struct mf_rpm_header *header);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_CONFINE_MODULES_H
#define MODFETCH_CONFINE_MODULES_H
/*
 * Will the verify stage check each file that kmod treats as a module, under the name that kmod
 * gives it (promise P27)? Part of the checks of confine.h.
 */
#include "modfetch/context.h"
#include "modfetch/rpm.h"

/* Checks a package's header. Pure but for the record. 0, -MFE_FORBIDDEN_FILE or -ENOMEM, recorded. */
int mf_confine_modules(struct mf_context *ctx, const char *package,
		       const struct mf_rpm_header *header);

#endif

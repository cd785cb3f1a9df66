/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_VERIFY_CONF_H
#define MODFETCH_VERIFY_CONF_H
/*
 * May a package install this file in depmod.d? Such a file decides which of two modules with one
 * name is loaded, for all packages. Part of the verify stage.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/rpm.h"

/* Would depmod read a file of this path? */
bool mf_is_depmod_conf(const char *path);

/*
 * Checks the file PATH of a package, TEXT of LEN bytes, against the modules that HEADER lists. 0,
 * or -MFE_FORBIDDEN_FILE, recorded with the file, the line and the rule.
 */
int mf_verify_conf(struct mf_context *ctx, const struct mf_rpm_header *header, const char *path,
		   const char *text, size_t len);

#endif

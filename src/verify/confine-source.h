/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VERIFY_CONFINE_SOURCE_H
#define VERIFY_CONFINE_SOURCE_H
/* Packages with the source of a driver; see confine-source.c. */
#include <stdbool.h>
#include "modfetch/rpm.h"

/* Is a package of this name one with a source? */
bool mf_confine_is_source(const char *package);
/*
 * Why such a package must not have FILE, one clause, static; NULL: it may. Its path is plain and
 * has no "." or ".." (confine.c).
 */
const char *mf_confine_source(const struct mf_rpm_header *header, const char *package,
			      const struct mf_rpm_file *file);

#endif

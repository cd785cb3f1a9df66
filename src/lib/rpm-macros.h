/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIB_RPM_MACROS_H
#define LIB_RPM_MACROS_H
/* Macros of rpm's configuration below the root, read without librpm. */
#include "modfetch/context.h"

/*
 * The absolute path that the macro NAME ("_dbpath") is defined as in the configuration files below the
 * root, in new memory. NULL: it is not defined there, or not as a path that can be understood, or there is
 * no memory. Records nothing.
 */
char *mf_rpm_macro_path(const struct mf_context *ctx, const char *name);

#endif

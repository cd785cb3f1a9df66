/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_KERNEL_CMDLINE_H
#define MODFETCH_KERNEL_CMDLINE_H
/* The parameters of a kernel command line, parsed as the kernel does. */
#include <stdbool.h>

/*
 * Calls VISIT for each parameter up to a lone "--", after which all belongs to init. VALUE is NULL
 * without a '='. LINE is modified, and both strings point into it. Returns 0, or the first value of
 * VISIT that is not 0.
 */
typedef int mf_cmdline_visit(void *arg, const char *key, const char *value);
int mf_cmdline_each(char *line, mf_cmdline_visit *visit, void *arg);

/* Does the kernel take KEY for the parameter NAME? '-' and '_' are the same in a name. */
bool mf_cmdline_is(const char *key, const char *name);

#endif

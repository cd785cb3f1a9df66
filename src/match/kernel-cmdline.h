/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_KERNEL_CMDLINE_H
#define MODFETCH_KERNEL_CMDLINE_H
/* The parameters of a kernel command line, as the kernel itself takes it apart. */
#include <stdbool.h>

/*
 * Visits each parameter up to a lone "--", after which all belongs to init. VALUE is NULL where
 * there is no '='. LINE is written into, and both strings point into it. 0 or the visitor's return.
 */
typedef int mf_cmdline_visit(void *arg, const char *key, const char *value);
int mf_cmdline_each(char *line, mf_cmdline_visit *visit, void *arg);

/* Is it that parameter to the kernel, to which '-' and '_' are the same in a name? */
bool mf_cmdline_is(const char *key, const char *name);

#endif

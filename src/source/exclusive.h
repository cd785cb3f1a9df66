/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SOURCE_EXCLUSIVE_H
#define SOURCE_EXCLUSIVE_H
/* The conditions of dkms.conf about a kernel; see exclusive.c. */
#include <stdbool.h>
#include "modfetch/source.h"
#include "values.h"

/*
 * Does a regular expression of bash ([[ TEXT =~ PATTERN ]]) match? An invalid one matches nothing.
 * 0; -E2BIG: the pattern would need too much memory or time; -ENOMEM.
 */
int source_pattern_matches(const char *pattern, const char *text, bool *ret_matches);
/*
 * Why the BUILD_EXCLUSIVE_* of a file exclude a kernel, in RET_WHY, a clause, the caller's to free;
 * NULL: they do not. 0; -E2BIG: *RET_BAD, a directive, cannot be decided; -ENOMEM.
 */
int source_exclusive_check(const struct values *values, const struct mf_recipe_kernel *kernel,
			   char **ret_why, const char **ret_bad);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SOURCE_EXPANSION_H
#define SOURCE_EXPANSION_H
/* The extent of an expansion of a shell; see expansion.c. */
#include <stddef.h>

/*
 * The length of the expansion at S, LEN bytes that begin with "$(", "${" or "`", up to its end. 0:
 * it has no end, or is deeper than 32 quotes and parentheses. Pure.
 */
size_t source_expansion_length(const char *s, size_t len);
/* The length of the name of a variable at S, 0: there is none. */
size_t source_variable_length(const char *s, size_t len);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_ESCAPE_H
#define MODFETCH_ESCAPE_H
/*
 * Module aliases inside dependency strings: %XX (upper case) for every byte that rpm or libsolv
 * would take for something else. Both forms decode alike. Pure.
 */
#include <stddef.h>

enum mf_escape {
	MF_ESCAPE_MODALIAS, /* inside modalias(): letters, digits, '*' and ':' stay */
	MF_ESCAPE_KALIAS,   /* inside kalias(): '-', '_' and '.' stay as well */
};

/* Escapes an alias; the result is the caller's. NULL: no memory. */
char *mf_alias_escape(enum mf_escape form, const char *alias);

/*
 * Decodes LEN bytes into RET_ALIAS (SIZE bytes, NUL included); a '%' without two hexadecimal digits
 * stays as it is, as libzypp has it. Returns the length, or -EINVAL for a decoded NUL byte or where
 * it does not fit.
 */
int mf_alias_unescape(const char *s, size_t len, char *ret_alias, size_t size);

#endif

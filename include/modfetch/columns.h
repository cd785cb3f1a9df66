/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_COLUMNS_H
#define MODFETCH_COLUMNS_H
/*
 * The columns that a text takes on a terminal. The text is UTF-8 without control characters
 * (mf_text_sanitize()); a byte that is not UTF-8 counts as one column.
 */
#include <stddef.h>

/* The number of columns of TEXT. */
size_t mf_text_columns(const char *text);

/*
 * TEXT if it has at most COLUMNS columns, else its beginning and "…", together at most COLUMNS columns;
 * with COLUMNS 0 an empty text. New memory; NULL: no memory.
 */
char *mf_text_fit(const char *text, size_t columns);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counts columns of a terminal, without the locale of the caller.
 *
 * wcwidth(3) would need a locale, which a service, an initrd or a minimal root does not have. So the
 * ranges are here: combining marks take no column, East Asian wide characters and emoji take two,
 * every other character takes one. The ranges are coarse: a rare script may be counted wrong by a
 * column, which costs a ragged table and nothing else.
 */
#include "modfetch/columns.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/strings.h"

#define ELLIPSIS "…"

struct range {
	uint32_t first, last;
};

/* Sorted. */
static const struct range zero[] = {
	{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x0610, 0x061a },
	{ 0x064b, 0x065f }, { 0x0900, 0x0902 }, { 0x093c, 0x093c }, { 0x0941, 0x0948 },
	{ 0x0e31, 0x0e31 }, { 0x0e34, 0x0e3a }, { 0x0e47, 0x0e4e }, { 0x1ab0, 0x1aff },
	{ 0x1dc0, 0x1dff }, { 0x200b, 0x200f }, { 0x20d0, 0x20ff }, { 0x302a, 0x302d },
	{ 0x3099, 0x309a }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f }, { 0xe0100, 0xe01ef },
};

static const struct range wide[] = {
	{ 0x1100, 0x115f },   { 0x231a, 0x231b },   { 0x23e9, 0x23ec },	  { 0x25fd, 0x25fe },
	{ 0x2614, 0x2615 },   { 0x2648, 0x2653 },   { 0x26a1, 0x26a1 },	  { 0x2705, 0x2705 },
	{ 0x2728, 0x2728 },   { 0x274c, 0x274c },   { 0x2753, 0x2755 },	  { 0x2e80, 0x303e },
	{ 0x3041, 0x33ff },   { 0x3400, 0x4dbf },   { 0x4e00, 0x9fff },	  { 0xa000, 0xa4cf },
	{ 0xa960, 0xa97f },   { 0xac00, 0xd7a3 },   { 0xf900, 0xfaff },	  { 0xfe30, 0xfe6f },
	{ 0xff00, 0xff60 },   { 0xffe0, 0xffe6 },   { 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff },
	{ 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
};

static bool is_in(const struct range *ranges, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n && ranges[i].first <= c; i++)
		if (c <= ranges[i].last)
			return true;
	return false;
}

/* The columns of the character at S, which is not the end; its bytes in RET_LEN. */
static size_t columns_of(const char *s, size_t *ret_len)
{
	uint32_t c = 0;
	size_t len = mf_text_char(s, &c);

	*ret_len = len ? len : 1;
	if (!len || c < 0x300)
		return 1;
	return is_in(zero, MF_ARRAY_SIZE(zero), c)   ? 0
	       : is_in(wide, MF_ARRAY_SIZE(wide), c) ? 2
						     : 1;
}

size_t mf_text_columns(const char *text)
{
	size_t columns = 0, len;

	for (; *text; text += len)
		columns += columns_of(text, &len);
	return columns;
}

char *mf_text_fit(const char *text, size_t columns)
{
	size_t used = 0, kept = 0, len;

	if (mf_text_columns(text) <= columns)
		return strdup(text);
	if (!columns)
		return strdup("");
	while (text[kept]) {
		size_t more = columns_of(text + kept, &len);

		if (used + more > columns - 1)
			break;
		used += more;
		kept += len;
	}
	return mf_format("%.*s" ELLIPSIS, (int)kept, text);
}

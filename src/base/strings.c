/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of owned strings, and the rules for strings that several stages share: which bytes a name
 * may have, which characters are printable. Strings of any origin are accepted, without a judgement
 * of their content. A list that could not grow is unchanged.
 */
#include "modfetch/strings.h"
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"

int mf_strings_addn(struct mf_strings *list, const char *s, size_t len)
{
	int r = mf_array_reserve(&list->v, &list->room, list->n + 2, sizeof(*list->v));
	char *copy;

	if (r < 0)
		return r;
	copy = strndup(s, len);
	if (!copy)
		return -ENOMEM;
	list->v[list->n++] = copy;
	list->v[list->n] = NULL;
	return 0;
}

int mf_strings_add(struct mf_strings *list, const char *s)
{
	return mf_strings_addn(list, s, strlen(s));
}

bool mf_strings_has(const struct mf_strings *list, const char *s)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->v[i], s))
			return true;
	return false;
}

int mf_strings_add_unique(struct mf_strings *list, const char *s)
{
	return mf_strings_has(list, s) ? 0 : mf_strings_add(list, s);
}

int mf_strings_add_all(struct mf_strings *list, const struct mf_strings *more)
{
	int r = 0;

	for (size_t i = 0; !r && i < more->n; i++)
		r = mf_strings_add(list, more->v[i]);
	return r;
}

char *mf_strings_join(const struct mf_strings *list, const char *separator)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	for (size_t i = 0; i < list->n; i++)
		fprintf(out, "%s%s", i ? separator : "", list->v[i]);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

int mf_strings_split(struct mf_strings *list, const char *s)
{
	static const char separators[] = " \t\r\n,";

	for (;;) {
		size_t len;
		int r;

		s += strspn(s, separators);
		len = strcspn(s, separators);
		if (!len)
			return 0;
		r = mf_strings_addn(list, s, len);
		if (r < 0)
			return r;
		s += len;
	}
}

static int strings_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void mf_strings_sort(struct mf_strings *list)
{
	if (list->n > 1)
		qsort(list->v, list->n, sizeof(*list->v), strings_compare);
}

bool mf_strings_sorted_has(const struct mf_strings *list, const char *s)
{
	return list->n && bsearch(&s, list->v, list->n, sizeof(*list->v), strings_compare);
}

void mf_strings_done(struct mf_strings *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->v[i]);
	free(list->v);
	*list = (struct mf_strings){ 0 };
}

char *mf_vformat(const char *fmt, va_list ap)
{
	char *s;

	return vasprintf(&s, fmt, ap) < 0 ? NULL : s;
}

char *mf_format(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = mf_vformat(fmt, ap);
	va_end(ap);
	return s;
}

bool mf_is_plain_name(const char *name)
{
	const char *p = name;

	while ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
	       *p == '_' || *p == '.' || *p == '-')
		p++;
	return *name && *name != '-' && *name != '.' && !*p;
}

bool mf_is_word(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return false;
	return len > 0;
}

/*
 * Ranges of characters that are not printed: Unicode's controls, formats, surrogates, line and
 * paragraph separators (Cc, Cf, Cs, Zl, Zp), except the visible format characters of Arabic and
 * other scripts; and noncharacters.
 */
static const struct {
	uint32_t first, last;
} unprintable[] = {
	{ 0x00, 0x1f },	      { 0x7f, 0x9f }, /* U+009B is equivalent to ESC [ */
	{ 0xad, 0xad },	      { 0x061c, 0x061c },   { 0x180e, 0x180e },	  { 0x200b, 0x200f },
	{ 0x2028, 0x202e },   { 0x2060, 0x206f },   { 0xd800, 0xdfff },	  { 0xfeff, 0xfeff },
	{ 0xfff9, 0xfffb },   { 0xfffe, 0xffff },   { 0x13430, 0x1343f }, { 0x1bca0, 0x1bca3 },
	{ 0x1d173, 0x1d17a }, { 0xe0000, 0xe007f },
};

bool mf_text_is_printable(uint32_t c)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(unprintable); i++)
		if (c >= unprintable[i].first && c <= unprintable[i].last)
			return false;
	return true;
}

size_t mf_text_char(const char *text, uint32_t *ret_c)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t len = *s < 0x80 ? 1 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4;
	uint32_t c = len == 1 ? *s : *s & (0x7fU >> len);

	if (len > 1 && (*s < 0xc2 || *s > 0xf4))
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if ((len == 3 && (c < 0x800 || (c >= 0xd800 && c <= 0xdfff))) ||
	    (len == 4 && (c < 0x10000 || c > 0x10ffff)))
		return 0;
	*ret_c = c;
	return len;
}

static void strings_sanitize(char *s, const char *kept)
{
	while (*s) {
		uint32_t c;
		size_t len = mf_text_char(s, &c);

		if (!len) {
			*s++ = '?';
		} else if (mf_text_is_printable(c) || (len == 1 && strchr(kept, *s))) {
			s += len;
		} else {
			memset(s, '?', len);
			s += len;
		}
	}
}

void mf_text_sanitize(char *s)
{
	strings_sanitize(s, "");
}

void mf_text_sanitize_lines(char *s)
{
	strings_sanitize(s, "\n\t");
}

size_t mf_label_name_length(const char *label)
{
	const char *end = strrchr(label, '-');

	while (end && end > label && *--end != '-')
		continue;
	return end ? (size_t)(end - label) : 0;
}

bool mf_starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

const char *mf_without_usr(const char *path)
{
	return mf_starts_with(path, "/usr/lib/") ? path + strlen("/usr") : path;
}

bool mf_ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && !memcmp(s + n - m, suffix, m);
}

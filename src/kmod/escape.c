/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Escapes aliases with %XX for dependency strings, and decodes them.
 *
 * rpm ends a dependency at a space or a comma, and libsolv interprets parentheses and colons; bytes
 * without a meaning for both are not escaped. '%' itself is always escaped, so that decoding
 * returns the original alias for both forms.
 */
#include "modfetch/symvers.h"
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/strings.h"

static bool escape_is_plain(enum mf_escape form, unsigned char c)
{
	if (c >= 0x80 || !c)
		return false;
	return isalnum(c) || c == '*' || c == ':' ||
	       (form == MF_ESCAPE_KALIAS && (c == '-' || c == '_' || c == '.'));
}

char *mf_alias_escape(enum mf_escape form, const char *alias)
{
	static const char hex[] = "0123456789ABCDEF";
	char *out = malloc(3 * strlen(alias) + 1), *p = out;

	if (!out)
		return NULL;
	for (; *alias; alias++) {
		unsigned char c = (unsigned char)*alias;

		if (escape_is_plain(form, c)) {
			*p++ = (char)c;
			continue;
		}
		*p++ = '%';
		*p++ = hex[c >> 4];
		*p++ = hex[c & 15];
	}
	*p = '\0';
	return out;
}

int mf_alias_unescape(const char *s, size_t len, char *ret_alias, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = s[i];

		if (c == '%' && i + 2 < len && mf_hex_digit(s[i + 1]) >= 0 &&
		    mf_hex_digit(s[i + 2]) >= 0) {
			c = (char)(mf_hex_digit(s[i + 1]) << 4 | mf_hex_digit(s[i + 2]));
			i += 2;
		}
		/* an escaped newline must not split a line of a list or message */
		if (iscntrl((unsigned char)c) || n + 1 >= size)
			return -EINVAL;
		ret_alias[n++] = c;
	}
	if (!size)
		return -EINVAL;
	ret_alias[n] = '\0';
	return (int)n;
}

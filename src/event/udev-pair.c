/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parses the pairs of udev's rules: KEY{attribute}OP"value", as described in udev(7). Decides where
 * each part of a pair begins and ends, and removes quotation marks and escapes; udev-rules.c
 * interprets the keys. In a plain value only \" is an escape; e"" has those of C, i"" ignores case.
 */
#include "udev-pair.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BLANKS " \t\r\n"

/* Decodes C's escapes in place. False: an invalid escape. */
static bool unescape(char *s)
{
	static const char from[] = "abfnrtv\\\"'s", to[] = "\a\b\f\n\r\t\v\\\"' ";
	char *out = s;

	while (*s) {
		unsigned int byte;
		const char *simple;

		if (*s != '\\') {
			*out++ = *s++;
			continue;
		}
		simple = s[1] ? strchr(from, s[1]) : NULL;
		if (simple) {
			*out++ = to[simple - from];
			s += 2;
		} else if ((sscanf(s, "\\x%2x", &byte) == 1 || sscanf(s, "\\%3o", &byte) == 1) &&
			   byte && byte < 256 && strspn(s + 1, "x0123456789abcdefABCDEF") >= 3) {
			*out++ = (char)byte;
			s += 4;
		} else {
			return false;
		}
	}
	*out = '\0';
	return true;
}

/* Decodes \", the only escape of a plain value, in place. */
static void unquote(char *s)
{
	char *out = s;

	for (; *s; s++)
		if (*s != '\\' || s[1] != '"')
			*out++ = *s;
	*out = '\0';
}

/* P is at the quotation mark or its prefix letters. Returns the end of the value, NULL: invalid. */
static char *parse_value(char *p, struct mf_udev_pair *pair)
{
	bool escaped = false;
	char *end;

	for (; *p == 'e' || *p == 'i'; p++) {
		escaped |= *p == 'e';
		pair->ignore_case |= *p == 'i';
	}
	if (*p++ != '"')
		return NULL;
	for (end = p; *end && *end != '"'; end++)
		if (*end == '\\' && end[1] && (escaped || end[1] == '"'))
			end++;
	if (!*end)
		return NULL;
	*end = '\0';
	pair->value = p;
	if (escaped && !unescape(p))
		return NULL;
	if (!escaped)
		unquote(p);
	return end + 1;
}

int mf_udev_pair_next(char **line, struct mf_udev_pair *ret_pair)
{
	static const char *const operators[] = { "==", "!=", "+=", "-=", ":=", "=" };
	char *p = *line + strspn(*line, BLANKS ","), *end;
	struct mf_udev_pair pair = { .key = p };
	size_t op = 0;

	if (!*p)
		return 0;
	p += strcspn(p, "{=!+-:" BLANKS);
	end = p;
	if (*p == '{') {
		pair.attribute = p + 1;
		p = strchr(p, '}');
		if (!p)
			return -EBADMSG;
		*p++ = '\0';
	}
	p += strspn(p, BLANKS);
	while (op < 6 && strncmp(p, operators[op], strlen(operators[op])) != 0)
		op++;
	if (end == pair.key || op == 6)
		return -EBADMSG;
	p += strlen(operators[op]);
	*end = '\0';
	pair.match = op < 2;
	pair.negated = op == 1;
	*line = parse_value(p + strspn(p, BLANKS), &pair);
	if (!*line)
		return -EBADMSG;
	*ret_pair = pair;
	return 1;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds the passwords of URLs in a text and removes them.
 *
 * RFC 3986: "scheme://userinfo@host:port/path". The userinfo ends at the last '@' before the path.
 * A password that is not encoded may contain a '/', a '?' or a '#'; the text before that byte then
 * looks like a host with a port that is no number, and everything up to the next '@' is removed: it
 * is better to print too little of an invalid URL than one byte of a password.
 *
 * A query may be a token, so it is replaced by an asterisk. A '?' at the end of a URL ends a question.
 */
#include "modfetch/strings.h"
#include <stddef.h>
#include <string.h>

#define WORD_END      " \t\r\n\"'<>"
#define AUTHORITY_END "/?#" WORD_END

/* The last '@' of the LEN bytes at S, or NULL. */
static char *last_at(char *s, size_t len)
{
	return memrchr(s, '@', len);
}

/* Is it "host:port" with a port that is no number? */
static int is_odd_authority(const char *s, size_t len)
{
	const char *colon = *s == '[' ? NULL : memchr(s, ':', len);
	size_t port;

	if (!colon)
		return 0;
	port = len - (size_t)(colon + 1 - s);
	return strspn(colon + 1, "0123456789") < port;
}

/* Replaces the query of the URL whose authority begins at S. */
static void hide_query(char *s)
{
	size_t len = strcspn(s, WORD_END);
	char *mark = memchr(s, '?', len), *end = s + len;

	if (!mark || end - mark < 2)
		return;
	mark[1] = '*';
	memmove(mark + 2, end, strlen(end) + 1);
}

void mf_secret_hide(char *text)
{
	for (char *p = text; (p = strstr(p, "://"));) {
		size_t len;
		char *at;

		p += strlen("://");
		len = strcspn(p, AUTHORITY_END);
		at = last_at(p, len);
		if (!at && is_odd_authority(p, len))
			at = last_at(p, strcspn(p, WORD_END));
		if (at)
			memmove(p, at + 1, strlen(at + 1) + 1);
		hide_query(p);
	}
}

char *mf_secret_hide_copy(const char *text)
{
	char *copy = strdup(text);

	if (copy)
		mf_secret_hide(copy);
	return copy;
}

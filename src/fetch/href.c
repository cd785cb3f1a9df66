/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decides whether a name from metadata stays inside its repository, and makes a URL of it.
 *
 * The name is looked at component by component, both as it is written and as a server might decode
 * it: a byte behind %XX must not be one that would mean something (a slash, a backslash, a dot,
 * another %, a NUL or other control). What is then left of the meaning of '..' and of schemes is
 * refused outright; nothing is normalised, since two programs seldom normalise alike.
 *
 * The base is the administrator's, from a .repo file: its path is taken as it is.
 */
#include "modfetch/fetch.h"
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/error.h"
#include "modfetch/strings.h"

static int href_nibble(char c)
{
	const char *digits = "0123456789abcdefABCDEF", *at = c ? strchr(digits, c) : NULL;
	int value = at ? (int)(at - digits) : -1;

	return value > 15 ? value - 6 : value;
}

/* The byte that %XX at P stands for, or -1 if that is no such thing. */
static int encoded_byte(const char *p)
{
	int hi = href_nibble(p[1]), lo = hi < 0 ? -1 : href_nibble(p[2]);

	return lo < 0 ? -1 : hi << 4 | lo;
}

static bool is_control(int byte)
{
	return byte < 0x20 || byte == 0x7f;
}

/* May a component hold this byte, plainly or behind a %? */
static bool byte_is_harmless(const char *p)
{
	int byte;

	if (is_control((unsigned char)*p) || strchr("\\?#", *p))
		return false;
	if (*p != '%')
		return true;
	byte = encoded_byte(p);
	return byte >= 0 && !is_control(byte) && !strchr("/\\.%?#:", byte);
}

static bool component_is_harmless(const char *p, size_t len, bool first)
{
	if (!len || (len == 1 && *p == '.') || (len == 2 && !memcmp(p, "..", 2)))
		return false;
	/* "name:" in front is a scheme */
	if (first && memchr(p, ':', len))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!byte_is_harmless(p + i))
			return false;
	return true;
}

int mf_href_check(const char *href)
{
	const char *p = href;

	if (strnlen(href, MF_HREF_MAX + 1) > MF_HREF_MAX)
		return -MFE_BAD_HREF;
	for (;;) {
		size_t len = strcspn(p, "/");

		if (!component_is_harmless(p, len, p == href))
			return -MFE_BAD_HREF;
		if (!p[len])
			return 0;
		p += len + 1;
	}
}

/* scheme://host/path with a host, or file:/path; no query, no fragment, no space or control. */
static bool base_is_usable(const char *base)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (const char *p = base; *p; p++)
		if (is_control((unsigned char)*p) || strchr("?# \\", *p))
			return false;
	for (size_t i = 0; i < MF_ARRAY_SIZE(schemes); i++)
		if (mf_starts_with(base, schemes[i]))
			return strcspn(base + strlen(schemes[i]), "/") > 0;
	return mf_starts_with(base, "file:/");
}

static bool may_stand_in_a_url(unsigned char c)
{
	return c > 0x20 && c < 0x7f && !strchr("\"<>`{|}^", c);
}

int mf_href_join(const char *base, const char *href, char **ret_url)
{
	size_t base_len = strlen(base);
	char *url, *out;

	if (!base_is_usable(base) || mf_href_check(href) < 0)
		return -MFE_BAD_HREF;
	while (base_len && base[base_len - 1] == '/')
		base_len--;
	url = malloc(base_len + 3 * strlen(href) + 2);
	if (!url)
		return -ENOMEM;
	out = mempcpy(url, base, base_len);
	*out++ = '/';
	for (const char *p = href; *p; p++) {
		if (may_stand_in_a_url((unsigned char)*p))
			*out++ = *p;
		else
			out += sprintf(out, "%%%02X", (unsigned int)(unsigned char)*p);
	}
	*out = '\0';
	*ret_url = url;
	return 0;
}

int mf_href_decode(const char *href, char **ret_path)
{
	_cleanup_free_ char *path = malloc(strlen(href) + 1);
	char *out = path;

	if (!path)
		return -ENOMEM;
	for (const char *p = href; *p; p++) {
		int byte = *p == '%' ? encoded_byte(p) : (unsigned char)*p;

		if (byte <= 0)
			return -MFE_BAD_HREF;
		*out++ = (char)byte;
		p += *p == '%' ? 2 : 0;
	}
	*out = '\0';
	*ret_path = MF_STEAL(path);
	return 0;
}

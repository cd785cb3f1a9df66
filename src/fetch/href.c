/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decides whether a name from metadata stays inside its repository, and makes a URL of it.
 *
 * The name is checked component by component, both as written and as a server might decode it: a
 * byte encoded as %XX must not be one with a meaning (a slash, a backslash, a dot, another %, a NUL
 * or another control character). '..' and schemes are refused; nothing is normalized, since two
 * programs seldom normalize the same way.
 *
 * The base is set by the administrator in a .repo file: its path is used as it is.
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

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdefABCDEF", *at = c ? strchr(digits, c) : NULL;
	int value = at ? (int)(at - digits) : -1;

	return value > 15 ? value - 6 : value;
}

/* The byte that %XX at P stands for, or -1 if P is not of that form. */
static int encoded_byte(const char *p)
{
	int hi = hex_digit(p[1]), lo = hi < 0 ? -1 : hex_digit(p[2]);

	return lo < 0 ? -1 : hi << 4 | lo;
}

static bool is_control(int byte)
{
	return byte < 0x20 || byte == 0x7f;
}

/* May a component have this byte, plainly or encoded? */
static bool is_safe_byte(const char *p)
{
	int byte;

	if (is_control((unsigned char)*p) || strchr("\\?#", *p))
		return false;
	if (*p != '%')
		return true;
	byte = encoded_byte(p);
	return byte >= 0 && !is_control(byte) && !strchr("/\\.%?#:", byte);
}

static bool is_safe_component(const char *p, size_t len, bool first)
{
	if (!len || (len == 1 && *p == '.') || (len == 2 && !memcmp(p, "..", 2)))
		return false;
	/* "name:" in front is a scheme */
	if (first && memchr(p, ':', len))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_safe_byte(p + i))
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

		if (!is_safe_component(p, len, p == href))
			return -MFE_BAD_HREF;
		if (!p[len])
			return 0;
		p += len + 1;
	}
}

/* scheme://host/path with a host, or file:/path; no query, no fragment, no space or control. */
static bool is_supported_base(const char *base)
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

const char *mf_base_fault(const char *base, const struct mf_strings *mirrors)
{
	size_t n_https = 0, n_file = 0;
	const char *host;

	for (size_t i = 0; i < mirrors->n; i++) {
		n_https += mf_starts_with(mirrors->v[i], "https:");
		n_file += mf_starts_with(mirrors->v[i], "file:");
	}
	if (strnlen(base, MF_HREF_MAX + 1) > MF_HREF_MAX || !is_supported_base(base))
		return "it is no http:, https: or file: URL";
	if (mf_starts_with(base, "file:"))
		return n_file == mirrors->n ? NULL : "a server may not name files of this machine";
	if (n_https && !mf_starts_with(base, "https:"))
		return "what is configured with https: is not fetched without it";
	host = strstr(base, "://") + 3;
	return memchr(host, '@', strcspn(host, "/")) ? "it has a user name" : NULL;
}

/* A '+' is itself in a path, but S3 and others read it as a blank there: encoded it is clear to all. */
static bool is_url_byte(unsigned char c)
{
	return c > 0x20 && c < 0x7f && !strchr("\"<>`{|}^+", c);
}

int mf_href_join(const char *base, const char *href, char **ret_url)
{
	size_t base_len = strlen(base);
	char *url, *out;

	if (!is_supported_base(base) || mf_href_check(href) < 0)
		return -MFE_BAD_HREF;
	while (base_len && base[base_len - 1] == '/')
		base_len--;
	url = malloc(base_len + 3 * strlen(href) + 2);
	if (!url)
		return -ENOMEM;
	out = mempcpy(url, base, base_len);
	*out++ = '/';
	for (const char *p = href; *p; p++) {
		if (is_url_byte((unsigned char)*p))
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

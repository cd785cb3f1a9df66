/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recognizes the answer of a captive portal by its first bytes.
 *
 * None of the files that are fetched is a web page: repomd.xml, its signatures, lists of packages,
 * packages, lists of mirrors. So a body whose first element is one of HTML's comes from a device
 * between this machine and the server, and so does a repomd.xml that is not XML or has another
 * root. This only selects the name of a failure: no network, which is transient, instead of a bad
 * signature or digest, which is permanent. A server that forges it gains only that a device waits,
 * as it does without a network. Nothing is parsed: the prolog is skipped and one name compared, in
 * a few bytes.
 */
#include "portal.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/strings.h"

struct text {
	const char *at, *end;
};

static bool begins(const struct text *t, const char *what)
{
	size_t len = strlen(what);

	return (size_t)(t->end - t->at) >= len && !strncasecmp(t->at, what, len);
}

/* Advances past the next WHAT, or to the end if there is none. */
static void skip_past(struct text *t, const char *what)
{
	const char *found = memmem(t->at, (size_t)(t->end - t->at), what, strlen(what));

	t->at = found ? found + strlen(what) : t->end;
}

/* Skips blanks, a byte order mark, declarations and comments, but not a DOCTYPE of HTML. */
static void skip_prolog(struct text *t)
{
	if (begins(t, "\xef\xbb\xbf"))
		t->at += 3;
	for (;;) {
		while (t->at < t->end && isspace((unsigned char)*t->at))
			t->at++;
		if (begins(t, "<?"))
			skip_past(t, "?>");
		else if (begins(t, "<!--"))
			skip_past(t, "-->");
		else if (begins(t, "<!doctype") && !begins(t, "<!doctype html"))
			skip_past(t, ">");
		else
			return;
	}
}

/* Is the name after '<' this one, with or without a prefix? */
static bool is_element(const struct text *t, const char *name)
{
	const char *p = t->at + 1, *start = p;

	for (; p < t->end && (isalnum((unsigned char)*p) || strchr("_.:-", *p)); p++)
		if (*p == ':')
			start = p + 1;
	return (size_t)(p - start) == strlen(name) && !strncasecmp(start, name, strlen(name));
}

static bool is_page(const struct text *t)
{
	static const char *const elements[] = { "html", "head", "body",	  "title",
						"meta", "link", "script", "style",
						"div",	"p",	"center", "h1" };

	if (t->at == t->end || *t->at != '<')
		return false;
	for (size_t i = 0; i < MF_ARRAY_SIZE(elements); i++)
		if (is_element(t, elements[i]))
			return true;
	return begins(t, "<!doctype html");
}

/* Does the path of a URL end so? What is after a '?' does not count. */
static bool path_ends_with(const char *url, const char *suffix)
{
	size_t len = strcspn(url, "?"), n = strlen(suffix);

	return len >= n && !memcmp(url + len - n, suffix, n);
}

bool mf_portal_body(const char *name, const void *head, size_t len, bool broken)
{
	static const char lead[] = "\xed\xab\xee\xdb";
	struct text t = { head, (const char *)head + len };

	if (broken && path_ends_with(name, ".rpm") && len >= 4)
		return memcmp(head, lead, 4) != 0;
	skip_prolog(&t);
	if (is_page(&t))
		return true;
	return path_ends_with(name, "repomd.xml") && t.at < t.end &&
	       (*t.at != '<' || !is_element(&t, "repomd"));
}

bool mf_portal_file(const char *name, int fd, bool broken)
{
	char head[MF_PORTAL_HEAD];
	ssize_t len = pread(fd, head, sizeof(head), 0);

	return len > 0 && mf_portal_body(name, head, (size_t)len, broken);
}

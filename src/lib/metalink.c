/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads metalinks.
 *
 * Both versions have an element <url> for each mirror, whose text is the URL of repomd.xml. Version 3
 * has an attribute preference, 100 for the best; version 4 has priority, 1 for the best. A URL that
 * does not end with repodata/repomd.xml is of another file. The text comes unsigned from a network, so
 * the number of mirrors and the length of a URL have limits.
 */
#include "modfetch/metalink.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"
#include "modfetch/xml.h"

#define FILE_NAME "/repodata/repomd.xml"
#define URL_MAX	  512
#define MAX_URLS  1000
#define MAX_RANK  1000000 /* RFC 5854: 999999 is the last */

struct mirror {
	char *url;
	int rank; /* the lowest first */
	size_t number;
};

struct metalink {
	struct mirror *v;
	size_t n, room;
	char url[URL_MAX + 1]; /* the text of the element at hand */
	size_t len;
	int rank;
	bool in_url, is_metalink;
};

static void metalink_done(struct metalink *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->v[i].url);
	free(m->v);
}

/* The number in an attribute, which may have any text. */
static int parse_rank(const char *text)
{
	long n = strtol(text, NULL, 10);

	return n < 0 ? 0 : n > MAX_RANK ? MAX_RANK : (int)n;
}

static int on_start(void *arg, const char *name, const char *const *attributes)
{
	struct metalink *m = arg;
	const char *preference = mf_xml_attribute(attributes, "preference");
	const char *priority = mf_xml_attribute(attributes, "priority");

	m->is_metalink |= !strcmp(name, "metalink");
	m->in_url = !strcmp(name, "url");
	m->len = 0;
	m->rank = preference ? -parse_rank(preference) : priority ? parse_rank(priority) : 0;
	return 0;
}

static int on_text(void *arg, const char *text, size_t len)
{
	struct metalink *m = arg;

	/* a longer one is not used */
	m->in_url &= len <= URL_MAX - m->len;
	if (!m->in_url)
		return 0;
	memcpy(m->url + m->len, text, len);
	m->len += len;
	return 0;
}

static int add_mirror(struct metalink *m, const char *url, size_t len)
{
	for (size_t i = 0; i < m->n; i++)
		if (strlen(m->v[i].url) == len && !memcmp(m->v[i].url, url, len))
			return 0;
	if (mf_array_reserve(&m->v, &m->room, m->n + 1, sizeof(*m->v)) < 0)
		return -ENOMEM;
	m->v[m->n] = (struct mirror){ strndup(url, len), m->rank, m->n };
	return m->v[m->n].url ? (m->n++, 0) : -ENOMEM;
}

static int on_end(void *arg, const char *name)
{
	static const char blanks[] = " \t\r\n";
	struct metalink *m = arg;
	const char *url = m->url;
	bool usable = m->in_url && m->n < MAX_URLS;

	m->in_url = false;
	if (!usable)
		return 0;
	while (m->len && strchr(blanks, m->url[m->len - 1]))
		m->len--;
	m->url[m->len] = '\0';
	url += strspn(url, blanks);
	return mf_ends_with(url, FILE_NAME) ? add_mirror(m, url, strlen(url) - strlen(FILE_NAME))
					    : 0;
}

static int by_rank(const void *a, const void *b)
{
	const struct mirror *x = a, *y = b;

	return x->rank != y->rank ? (x->rank > y->rank) - (x->rank < y->rank)
				  : (x->number > y->number) - (x->number < y->number);
}

bool mf_looks_like_xml(const char *text)
{
	/* a byte order mark */
	text += mf_starts_with(text, "\xef\xbb\xbf") ? 3 : 0;
	return text[strspn(text, " \t\r\n")] == '<';
}

int mf_metalink_list(const char *text, char **ret_list)
{
	static const struct mf_xml_reader reader = { on_start, on_text, on_end };
	_cleanup_(metalink_done) struct metalink m = { 0 };
	int r = mf_xml_read(text, strlen(text), &reader, &m);
	size_t room;
	FILE *f;

	if (r < 0)
		return r;
	if (!m.is_metalink)
		return -EBADMSG;
	if (m.n)
		qsort(m.v, m.n, sizeof(*m.v), by_rank);
	f = open_memstream(ret_list, &room);
	if (!f)
		return -ENOMEM;
	for (size_t i = 0; i < m.n; i++)
		fprintf(f, "%s\n", m.v[i].url);
	return fclose(f) ? -ENOMEM : 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of expat: reads metalinks.
 *
 * Both versions have an element <url> for each mirror, whose text is the URL of repomd.xml. Version 3
 * has an attribute preference, 100 for the best; version 4 has priority, 1 for the best. A URL that
 * does not end with repodata/repomd.xml is of another file. The text comes unsigned from a network: a
 * declaration of an entity ends the parser, so no text grows, and external entities are never read.
 */
#include "modfetch/metalink.h"
#include <errno.h>
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"

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
	XML_Parser parser;
	struct mirror *v;
	size_t n, room;
	char url[URL_MAX + 1]; /* the text of the element at hand */
	size_t len;
	int rank;
	bool in_url, is_metalink, no_memory;
};

static void metalink_done(struct metalink *m)
{
	if (m->parser)
		XML_ParserFree(m->parser);
	for (size_t i = 0; i < m->n; i++)
		free(m->v[i].url);
	free(m->v);
}

/* The name of an element without its namespace. */
static bool is_element(const char *name, const char *wanted)
{
	const char *colon = strrchr(name, ':');

	return !strcmp(colon ? colon + 1 : name, wanted);
}

/* The number in an attribute, which may have any text. */
static int parse_rank(const char *text)
{
	long n = strtol(text, NULL, 10);

	return n < 0 ? 0 : n > MAX_RANK ? MAX_RANK : (int)n;
}

static void on_start(void *arg, const char *name, const char **attributes)
{
	struct metalink *m = arg;

	m->is_metalink |= is_element(name, "metalink");
	m->in_url = is_element(name, "url");
	m->len = 0;
	m->rank = 0;
	for (size_t i = 0; m->in_url && attributes[i]; i += 2) {
		if (!strcmp(attributes[i], "preference"))
			m->rank = -parse_rank(attributes[i + 1]);
		else if (!strcmp(attributes[i], "priority"))
			m->rank = parse_rank(attributes[i + 1]);
	}
}

static void on_text(void *arg, const char *text, int len)
{
	struct metalink *m = arg;
	size_t room = URL_MAX - m->len;

	if (!m->in_url)
		return;
	/* a longer one is not used */
	m->in_url = (size_t)len <= room;
	memcpy(m->url + m->len, text, m->in_url ? (size_t)len : 0);
	m->len += m->in_url ? (size_t)len : 0;
}

static void add_mirror(struct metalink *m, const char *url, size_t len)
{
	for (size_t i = 0; i < m->n; i++)
		if (strlen(m->v[i].url) == len && !memcmp(m->v[i].url, url, len))
			return;
	if (mf_array_reserve(&m->v, &m->room, m->n + 1, sizeof(*m->v)) < 0) {
		m->no_memory = true;
		return;
	}
	m->v[m->n] = (struct mirror){ strndup(url, len), m->rank, m->n };
	if (m->v[m->n].url)
		m->n++;
	else
		m->no_memory = true;
}

static void on_end(void *arg, const char *name)
{
	static const char blanks[] = " \t\r\n";
	struct metalink *m = arg;
	const char *url = m->url;

	if (m->in_url && m->n < MAX_URLS) {
		while (m->len && strchr(blanks, m->url[m->len - 1]))
			m->len--;
		m->url[m->len] = '\0';
		url += strspn(url, blanks);
		if (mf_ends_with(url, FILE_NAME))
			add_mirror(m, url, strlen(url) - strlen(FILE_NAME));
	}
	m->in_url = false;
}

static void on_entity(void *arg, const char *name, int is_parameter, const char *value,
		      int value_len, const char *base, const char *system_id, const char *public_id,
		      const char *notation)
{
	const struct metalink *m = arg;

	XML_StopParser(m->parser, XML_FALSE);
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
	_cleanup_(metalink_done) struct metalink m = { .parser = XML_ParserCreate(NULL) };
	size_t room;
	FILE *f;

	if (!m.parser)
		return -ENOMEM;
	XML_SetUserData(m.parser, &m);
	XML_SetElementHandler(m.parser, on_start, on_end);
	XML_SetCharacterDataHandler(m.parser, on_text);
	XML_SetEntityDeclHandler(m.parser, on_entity);
	if (XML_Parse(m.parser, text, (int)strlen(text), 1) != XML_STATUS_OK)
		return XML_GetErrorCode(m.parser) == XML_ERROR_NO_MEMORY ? -ENOMEM : -EBADMSG;
	if (m.no_memory)
		return -ENOMEM;
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

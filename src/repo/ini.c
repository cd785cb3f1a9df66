/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ini files, as zypper, dnf and systemd's older relatives write them.
 *
 * A library that does this has buffers of its own, and cuts what does not fit: a section's name at
 * 49 bytes makes one repository of two, a line at 199 makes a key of a comment's end. Here each
 * line is looked at where it stands, and a line that is wrong is shown to the visitor as such: who
 * reads repositories goes on with the next one, who reads security settings does not.
 */
#include "ini.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"

static char *strip(char *s)
{
	size_t len;

	while (isspace((unsigned char)*s))
		s++;
	len = strlen(s);
	while (len && isspace((unsigned char)s[len - 1]))
		s[--len] = '\0';
	return s;
}

/* Ends a value where a blank and a ';' begin a comment. */
static void cut_comment(char *value)
{
	for (char *p = value; (p = strchr(p, ';')); p++) {
		if (p == value || isspace((unsigned char)p[-1])) {
			*p = '\0';
			return;
		}
	}
}

/* "[section]", perhaps followed by a comment. The section's name, or NULL. */
static char *parse_section(char *s)
{
	char *end = strchr(s, ']'), *rest;

	if (!end)
		return NULL;
	*end = '\0';
	rest = strip(end + 1);
	return !*rest || *rest == '#' || *rest == ';' ? s + 1 : NULL;
}

/* A line that is neither empty nor a comment; what it says of section and key stays for the next.
 */
static void ini_parse_line(char *s, bool indented, struct mf_ini_line *line, const char **key)
{
	char *mark, *name;

	line->key = line->wrong = NULL;
	line->value = "";
	line->continued = indented && *key;
	if (line->continued) {
		cut_comment(s);
		line->key = *key;
		line->value = strip(s);
		return;
	}
	if (*s == '[') {
		name = parse_section(s);
		*key = NULL;
		line->section = name ? name : "";
		if (!name)
			line->wrong = "it begins as a section's name and does not end as one";
		return;
	}
	mark = strpbrk(s, "=:");
	if (!mark) {
		line->wrong = "it has neither '=' nor ':'";
		*key = NULL;
		return;
	}
	*mark = '\0';
	cut_comment(mark + 1);
	*key = line->key = strip(s);
	line->value = strip(mark + 1);
}

int mf_ini_parse(const char *text, mf_ini_visit *visit, void *arg)
{
	_cleanup_free_ char *copy = strdup(mf_starts_with(text, "\xef\xbb\xbf") ? text + 3 : text);
	struct mf_ini_line line = { .section = "" };
	const char *key = NULL;
	char *next = copy;
	int r = 0;

	if (!copy)
		return -ENOMEM;
	while (!r && next && *next) {
		char *begin = next, *s;

		next = strchr(begin, '\n');
		if (next)
			*next++ = '\0';
		line.number++;
		s = strip(begin);
		if (!*s || *s == '#' || *s == ';')
			continue;
		ini_parse_line(s, s > begin, &line, &key);
		r = visit(arg, &line);
	}
	return r;
}

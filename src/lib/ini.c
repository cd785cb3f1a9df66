/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of inih: its handler says "understood" with a non-zero value and carries no error of
 * its own, so the visitor's code is kept beside it. A key without a value is an empty one; a line
 * that is no ini line is told by its number.
 */
#include "modfetch/ini.h"
#include <errno.h>
#include <ini.h>
#include <stddef.h>
#include <string.h>

#define LINE_MAX_BYTES 198

struct walk {
	mf_ini_entry *entry;
	void *arg;
	int r;
};

static int handler(void *user, const char *section, const char *key, const char *value)
{
	struct walk *w = user;

	if (!w->r)
		w->r = w->entry(w->arg, section, key, value ? value : "");
	return 1;
}

/* inih cuts a line off at its buffer's end and takes the rest for the next one: better no line. */
static unsigned int long_line(const char *text)
{
	unsigned int line = 1;

	for (size_t len; *text; line++) {
		len = strcspn(text, "\n");
		if (len > LINE_MAX_BYTES)
			return line;
		text += len + (text[len] == '\n');
	}
	return 0;
}

int mf_ini_parse(const char *text, mf_ini_entry *entry, void *arg, unsigned int *ret_line)
{
	struct walk w = { entry, arg, 0 };
	int line = (int)long_line(text);

	if (!line)
		line = ini_parse_string(text, handler, &w);
	if (w.r)
		return w.r;
	if (line < 0)
		return -ENOMEM;
	if (line > 0) {
		*ret_line = (unsigned int)line;
		return -EBADMSG;
	}
	return 0;
}

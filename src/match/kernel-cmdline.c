/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parses a kernel command line by the grammar of the kernel.
 *
 * Parameters are separated by white space, which to the kernel includes the byte 0xA0. White space
 * between double quotes separates nothing; a quote may begin a parameter or be anywhere in it.
 * Quotes around the whole parameter or around its value are removed, others stay. The first '='
 * ends the name. A parameter "--" ends the kernel's part of the line. There is no escape character.
 */
#include "kernel-cmdline.h"
#include <stddef.h>
#include <string.h>

static bool is_space(char c)
{
	return c && strchr(" \t\n\v\f\r\xa0", c);
}

/* Cuts the parameter at ARG out of the line. Returns the start of the rest. */
static char *cmdline_cut(char *arg, char **ret_key, char **ret_value)
{
	bool quoted = *arg == '"', inside = quoted;
	char *value = NULL, *end, *next;

	arg += quoted;
	for (end = arg; *end && (inside || !is_space(*end)); end++) {
		if (*end == '=' && !value && end > arg)
			value = end + 1;
		if (*end == '"')
			inside = !inside;
	}
	next = end + (*end != '\0');
	*end = '\0';
	if (value)
		value[-1] = '\0';
	if (value && *value == '"') {
		value++;
		if (end > value && end[-1] == '"')
			end[-1] = '\0';
	}
	if (quoted && end > arg && end[-1] == '"')
		end[-1] = '\0';
	*ret_key = arg;
	*ret_value = value;
	return next;
}

int mf_cmdline_each(char *line, mf_cmdline_visit *visit, void *arg)
{
	int r = 0;

	for (;;) {
		char *key, *value;

		while (is_space(*line))
			line++;
		if (r || !*line)
			return r;
		line = cmdline_cut(line, &key, &value);
		if (!value && !strcmp(key, "--"))
			return 0;
		r = visit(arg, key, value);
	}
}

bool mf_cmdline_is(const char *key, const char *name)
{
	for (; *key && *name; key++, name++)
		if ((*key == '-' ? '_' : *key) != (*name == '-' ? '_' : *name))
			return false;
	return *key == *name;
}

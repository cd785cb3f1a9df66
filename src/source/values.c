/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The variables that a dkms.conf has set, and the texts that they are made of.
 *
 * In bash, each variable is an array, and its first element is the variable itself: so a value is
 * found by name and index, in the order of their first assignments. A file of 64 KiB sets a few
 * thousand at most, which are searched one after the other.
 *
 * A value may hold what only a shell can expand, as MAKE="make CC=$(which gcc)". It is then kept in
 * the form that it has between double quotes: known variables are replaced, all other bytes are
 * escaped, and the expansions are left as they were written. The box expands them.
 *
 * A file may double a value with each assignment (A=$A$A), so the bytes of all values are bounded.
 */
#include "values.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"

void source_values_done(struct values *values)
{
	for (size_t i = 0; i < values->n; i++) {
		free(values->v[i].name);
		free(values->v[i].text);
	}
	free(values->v);
	*values = (struct values){ 0 };
}

static struct value *value_find(const struct values *values, const char *name, unsigned int index)
{
	for (size_t i = 0; i < values->n; i++)
		if (values->v[i].index == index && !strcmp(values->v[i].name, name))
			return &values->v[i];
	return NULL;
}

const struct value *source_values_find(const struct values *values, const char *name,
				       unsigned int index)
{
	return value_find(values, name, index);
}

const char *source_values_text(const struct values *values, const char *name, unsigned int index)
{
	const struct value *value = source_values_find(values, name, index);

	return value ? value->text : "";
}

unsigned int source_values_count(const struct values *values, const char *name)
{
	unsigned int n = 0;

	for (size_t i = 0; i < values->n; i++)
		n += !strcmp(values->v[i].name, name);
	return n;
}

int source_values_set(struct values *values, const char *name, unsigned int index, char *text,
		      bool shell, unsigned int line)
{
	_cleanup_free_ char *owned = text, *copy = NULL;
	struct value *value = value_find(values, name, index);
	size_t before = value ? strlen(value->text) : 0;

	if (values->bytes - before + strlen(text) > ALL_TEXTS_MAX ||
	    (!value && values->n == VALUES_MAX))
		return -E2BIG;
	if (!value) {
		copy = strdup(name);
		if (!copy || mf_array_reserve(&values->v, &values->room, values->n + 1,
					      sizeof(*values->v)) < 0)
			return -ENOMEM;
		value = &values->v[values->n++];
		*value = (struct value){ .name = MF_STEAL(copy), .index = index };
	}
	values->bytes += strlen(text) - before;
	free(value->text);
	value->text = MF_STEAL(owned);
	value->shell = shell;
	value->line = line;
	return 0;
}

void source_text_done(struct text *text)
{
	free(text->v);
}

int source_text_add(struct text *text, const char *s, size_t len)
{
	if (text->n + len > TEXT_MAX)
		return -E2BIG;
	if (mf_array_reserve(&text->v, &text->room, text->n + len + 1, 1) < 0)
		return -ENOMEM;
	if (len)
		memcpy(text->v + text->n, s, len);
	text->n += len;
	text->v[text->n] = '\0';
	return 0;
}

int source_text_add_escaped(struct text *text, const char *s, size_t len)
{
	int r = 0;

	for (size_t i = 0; i < len && r == 0; i++) {
		if (s[i] == '$' || s[i] == '`' || s[i] == '"' || s[i] == '\\')
			r = source_text_add(text, "\\", 1);
		if (r == 0)
			r = source_text_add(text, s + i, 1);
	}
	return r;
}

int source_text_add_quoted(struct text *text, const char *s)
{
	int r = source_text_add(text, "'", 1);

	for (; *s && r == 0; s++)
		r = *s == '\'' ? source_text_add(text, "'\\''", 4) : source_text_add(text, s, 1);
	return r ? r : source_text_add(text, "'", 1);
}

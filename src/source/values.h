/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SOURCE_VALUES_H
#define SOURCE_VALUES_H
/* The variables of a dkms.conf; see values.c. */
#include <stdbool.h>
#include <stddef.h>

#define VALUES_MAX    4096		  /* values of one file */
#define INDEX_MAX     1023		  /* of an array */
#define TEXT_MAX      ((size_t)256 << 10) /* bytes of one value */
#define ALL_TEXTS_MAX ((size_t)4 << 20)	  /* bytes of all */

struct value {
	char *name;
	unsigned int index;
	/*
	 * The value itself, or if SHELL is true, the inside of a pair of double quotes that has
	 * expansions of a shell
	 */
	char *text;
	bool shell;
	unsigned int line; /* of its assignment; 0: none */
};

struct values {
	struct value *v;
	size_t n, room;
	size_t bytes; /* of all texts */
};

void source_values_done(struct values *values);
/* The value NAME[INDEX]; NULL: it is not set. Borrowed. */
const struct value *source_values_find(const struct values *values, const char *name,
				       unsigned int index);
/* Its text; "" if it is not set. */
const char *source_values_text(const struct values *values, const char *name, unsigned int index);
/* The number of set values of an array. */
unsigned int source_values_count(const struct values *values, const char *name);
/*
 * Sets a value; TEXT is taken over in any case. 0, -E2BIG (too many values, or bytes) or -ENOMEM.
 */
int source_values_set(struct values *values, const char *name, unsigned int index, char *text,
		      bool shell, unsigned int line);

/* A text that grows. */
struct text {
	char *v;
	size_t n, room;
};
void source_text_done(struct text *text);
/* 0, -E2BIG or -ENOMEM. */
int source_text_add(struct text *text, const char *s, size_t len);
/* The same, with a backslash before each byte that double quotes do not protect. */
int source_text_add_escaped(struct text *text, const char *s, size_t len);
/* The same between single quotes, as one word for a shell. */
int source_text_add_quoted(struct text *text, const char *s);

#endif

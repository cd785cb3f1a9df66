/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SOURCE_WORD_H
#define SOURCE_WORD_H
/* One word of a shell; see word.c. */
#include "values.h"

struct cursor {
	const char *p, *end;
	unsigned int line;
};

struct word {
	struct text text;
	bool shell; /* as in struct value */
};
void source_word_done(struct word *word);

/*
 * Reads the word at the cursor, up to an unquoted blank, newline or ';', with the variables of
 * VALUES. 0; -MFE_SOURCE and why, static; -ENOMEM. The cursor is then after the word, or where it
 * cannot be read.
 */
int source_word_read(struct cursor *cursor, const struct values *values, struct word *ret_word,
		     const char **ret_why);

#endif

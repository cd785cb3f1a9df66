/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_INI_H
#define MODFETCH_INI_H
/*
 * Ini files: [section], key=value (or key: value), '#' and ';' comment lines, " ;" begins a comment
 * after a value, and a further value of the same key stands on an indented line. Nothing is cut: a
 * line, a section and a key are as long as the file has them.
 */
#include <stdbool.h>

struct mf_ini_line {
	unsigned int number; /* from 1 */
	const char *section; /* "" before the first, and after a line that is none */
	const char *key;     /* NULL: the line begins SECTION, or is wrong */
	const char *value;   /* "" where there is none */
	const char *wrong;   /* why it is no ini line, or NULL */
	bool continued;	     /* an indented line with a further value of the key before it */
};

/* Is shown each line but comments and empty ones. A non-zero return ends it and is handed on. */
typedef int mf_ini_visit(void *arg, const struct mf_ini_line *line);

/* Parses TEXT; a line that is wrong does not end it. 0, the visitor's return, or -ENOMEM. */
int mf_ini_parse(const char *text, mf_ini_visit *visit, void *arg);

#endif

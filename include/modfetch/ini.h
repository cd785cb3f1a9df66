/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_INI_H
#define MODFETCH_INI_H
/*
 * Ini files, read by inih: [section], key=value, '#' and ';' comment lines, and a further value of
 * the same key on an indented line. A line holds at most 198 bytes; a longer one is an error, not
 * cut.
 */

/* Told each value; SECTION is "" before the first. Non-zero ends it and is handed on. */
typedef int mf_ini_entry(void *arg, const char *section, const char *key, const char *value);

/*
 * Parses TEXT. 0; the visitor's return; or -EBADMSG with the number of the first line that is no
 * ini line in RET_LINE.
 */
int mf_ini_parse(const char *text, mf_ini_entry *entry, void *arg, unsigned int *ret_line);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INSPECT_INDEXES_H
#define INSPECT_INDEXES_H
/* Compares the text of two indexes by their meaning. All are pure. */
#include <stdbool.h>
#include <stddef.h>

/*
 * Gets a path of modules.dep with other dependencies in the two texts: MADE and FOUND are the
 * lines' rests, NULL where a text does not have the path. Non-zero ends the comparison.
 */
typedef int inspect_dep_differs(void *arg, const char *path, const char *made, const char *found);
/* Is nothing to be said about the module of this path? */
typedef bool inspect_dep_excused(void *arg, const char *path, size_t len);
/*
 * Compares two texts of modules.dep; the order of lines and of the dependencies in them does not
 * count. Lines with the same path where either has an excused dependency are equal. 0, the
 * visitor's return, or -ENOMEM.
 */
int inspect_compare_dep(const char *made, const char *found, inspect_dep_differs *differs,
			inspect_dep_excused *excused, void *arg);

/*
 * Gets a line that only one text has, and in it the name of the module that it is about. Non-zero
 * ends the comparison.
 */
typedef int inspect_line_differs(void *arg, const char *line, const char *name, size_t name_len);
/*
 * The same for the other text indexes: "alias PATTERN NAME", "softdep NAME …", "weakdep NAME …" and
 * "NAME DEVNAME TYPE:NUMBERS"; comments do not count. Returns as above.
 */
int inspect_compare_lines(const char *made, const char *found, inspect_line_differs *differs,
			  void *arg);

/* Have two binary indexes the same keys and values? False also if FOUND is damaged. */
bool inspect_same_entries(const void *made, size_t made_len, const void *found, size_t found_len);

#endif

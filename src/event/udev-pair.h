/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_UDEV_PAIR_H
#define MODFETCH_UDEV_PAIR_H
/* Parses the pairs KEY{attribute}OP"value" in a line of udev's rules. Pure. */
#include <stdbool.h>

/* The strings point into the line. */
struct mf_udev_pair {
	char *key;
	char *attribute;  /* the text in braces, or NULL */
	char *value;	  /* without quotation marks and escapes */
	bool match;	  /* == or != */
	bool negated;	  /* != */
	bool ignore_case; /* i"value" */
};

/*
 * Parses the first pair of *LINE, modifies the line and advances *LINE past the pair. 1: a pair; 0:
 * the end of the line; -EBADMSG: no valid pair.
 */
int mf_udev_pair_next(char **line, struct mf_udev_pair *ret_pair);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_UDEV_PAIR_H
#define MODFETCH_UDEV_PAIR_H
/* One KEY{attribute}OP"value" of a line of udev's rules. Pure. */
#include <stdbool.h>

/* The strings lie in the line. */
struct mf_udev_pair {
	char *key;
	char *attribute;  /* what stands in braces, or NULL */
	char *value;	  /* without its quotation and escapes */
	bool match;	  /* == or != */
	bool negated;	  /* != */
	bool ignore_case; /* i"value" */
};

/*
 * Takes the first pair off *LINE, which it changes and moves past the pair. 1; 0: there is none any
 * more; -EBADMSG: what stands there is no pair.
 */
int mf_udev_pair_next(char **line, struct mf_udev_pair *ret_pair);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SOURCE_CONF_H
#define SOURCE_CONF_H
/* The parser of dkms.conf; see conf.c. */
#include <stddef.h>
#include "values.h"

#define CONF_MAX ((size_t)64 << 10) /* bytes of a file */

/* The place where the parser stopped. */
struct conf_fault {
	unsigned int line;
	char text[64];	 /* the beginning of the refused text, sanitized */
	const char *why; /* a clause; static */
};

/*
 * Reads the assignments of LEN bytes. VALUES has the variables that the file may use, and gets its
 * own; on failure those before the fault. 0, -MFE_SOURCE with a fault, or -ENOMEM. Pure.
 */
int source_conf_parse(const char *buf, size_t len, struct values *values,
		      struct conf_fault *ret_fault);

#endif

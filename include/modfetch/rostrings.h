/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_ROSTRINGS_H
#define MODFETCH_ROSTRINGS_H
/*
 * The strings that a kernel module holds in its read-only sections: literals, formats and constant
 * tables of names. No instruction is looked at, so all machines are read alike.
 */
#include <stddef.h>

/* Longer strings are passed over: no module, alias or algorithm is called like that. */
#define MF_ROSTRING_MAX 127

/* Gets each string; it is valid during the call only. 0 goes on, anything else ends the walk. */
typedef int mf_rostring_fn(void *arg, const char *s);

/*
 * Walks the printable strings (ASCII without blanks, NUL-terminated, 2 to MF_ROSTRING_MAX bytes) of
 * all sections named .rodata* of the ELF object BUF, in the order of the file; the same string may
 * come several times. 0; what FN returned if that was not 0; -EBADMSG for what is no ELF object; -ENOMEM.
 */
int mf_rostrings_each(const void *buf, size_t len, mf_rostring_fn *fn, void *arg);

#endif

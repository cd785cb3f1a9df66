/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SYMVERS_H
#define MODFETCH_SYMVERS_H
/*
 * The symbol versions of a kernel: what vmlinux and each module export, with CRCs. The format is
 * the kernel's Module.symvers (Documentation/kbuild/modules.rst): a line each of "0xCRC", symbol,
 * module
 * ("vmlinux" or a path without .ko), type and namespace, separated by tabs.
 */
#include <stddef.h>
#include "modfetch/context.h"

/*
 * Told each export: the CRC in hex without 0x and leading zeros ("0" for none), and the module's
 * name as kmod spells it. Valid during the call. A non-zero return ends it.
 */
typedef int mf_symvers_visit(void *arg, const char *symbol, const char *crc, const char *module);

/* Parses TEXT, which it writes into. Lines in another form are passed over. 0 or the visitor's
 * return. */
int mf_symvers_parse(char *text, mf_symvers_visit *visit, void *arg);

/*
 * Reads them for the context's kernel from the first of /lib/modules/K/symvers[.gz|.xz|.zst],
 * /lib/modules/K/build/Module.symvers, /boot/symvers-K[.gz|.xz|.zst] and
 * /usr/src/linux-headers-K/Module.symvers. 0; 1 where there is none; the visitor's return; or
 * -errno, recorded.
 */
int mf_symvers_read(struct mf_context *ctx, mf_symvers_visit *visit, void *arg);

/*
 * Module aliases inside dependency strings: %XX (upper case) for every byte that rpm or libsolv
 * would take for something else. Both forms decode alike. Pure.
 */

enum mf_escape {
	MF_ESCAPE_MODALIAS, /* inside modalias(): letters, digits, '*' and ':' stay */
	MF_ESCAPE_KALIAS,   /* inside kalias(): '-', '_' and '.' stay as well */
};

/* Escapes an alias; the result is the caller's. NULL: no memory. */
char *mf_alias_escape(enum mf_escape form, const char *alias);

/*
 * Decodes LEN bytes into RET_ALIAS (SIZE bytes, NUL included); a '%' without two hexadecimal digits
 * stays as it is, as libzypp has it. Returns the length, or -EINVAL for a decoded NUL byte or where
 * it does not fit.
 */
int mf_alias_unescape(const char *s, size_t len, char *ret_alias, size_t size);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SYMVERS_H
#define MODFETCH_SYMVERS_H
/*
 * The symbol versions of a kernel: the exports of vmlinux and of each module, with CRCs. The format
 * is the kernel's Module.symvers (Documentation/kbuild/modules.rst): one line per symbol of
 * "0xCRC", symbol, module ("vmlinux" or a path without .ko), type and namespace, separated by tabs.
 */
#include <stddef.h>
#include "modfetch/context.h"

/*
 * Gets each export: the CRC in hex without 0x and leading zeros ("0": no CRC), and the module's
 * name as kmod spells it, which is valid during the call. The other strings are valid as long as the
 * text. A non-zero return ends the walk.
 */
typedef int mf_symvers_visit(void *arg, const char *symbol, const char *crc, const char *module);

/* Parses TEXT and modifies it. Lines in another form are skipped. 0 or the visitor's return. */
int mf_symvers_parse(char *text, mf_symvers_visit *visit, void *arg);

/*
 * The symbol versions of the context's kernel K as text, the caller's to free, from the first file
 * that exists of /lib/modules/K/symvers[.gz|.xz|.zst], /lib/modules/K/build/Module.symvers,
 * /boot/symvers-K[.gz|.xz|.zst] and /usr/src/linux-headers-K/Module.symvers. 0; 1: no such file;
 * or -errno, recorded.
 */
int mf_symvers_text(struct mf_context *ctx, char **ret_text);
/* Reads that text and parses it. Returns as both. */
int mf_symvers_read(struct mf_context *ctx, mf_symvers_visit *visit, void *arg);

/*
 * Module aliases inside dependency strings: %XX (upper case) for every byte that has a meaning for
 * rpm or libsolv. Both forms are decoded in the same way. Pure.
 */

enum mf_escape {
	MF_ESCAPE_MODALIAS, /* inside modalias(): keeps letters, digits, '*' and ':' */
	MF_ESCAPE_KALIAS,   /* inside kalias(): also keeps '-', '_' and '.' */
};

/* Escapes an alias; the caller frees the result. NULL: no memory. */
char *mf_alias_escape(enum mf_escape form, const char *alias);

/*
 * Decodes LEN bytes into RET_ALIAS (SIZE bytes, NUL included); a '%' without two hexadecimal digits
 * is kept, as by libzypp. Returns the length; -EINVAL: it does not fit, or has a control character.
 */
int mf_alias_unescape(const char *s, size_t len, char *ret_alias, size_t size);

#endif

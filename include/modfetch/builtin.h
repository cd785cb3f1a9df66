/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_BUILTIN_H
#define MODFETCH_BUILTIN_H
/*
 * What is built into a kernel, from the two text files that its package brings: known before depmod
 * has made the first index.
 */
#include <stdbool.h>
#include "modfetch/strings.h"

/* Zeroed: nothing is built in. */
struct mf_builtins {
	struct mf_strings names;	     /* as kmod spells them */
	struct mf_strings patterns, modules; /* an alias, and at the same place whose it is */
};

/*
 * Reads modules.builtin of a kernel's directory into NAMES, or modules.builtin.modinfo into
 * PATTERNS and MODULES. A file that is missing has nothing in it. What no index could hold is left
 * out. 0; -EFBIG; or -errno.
 */
int mf_builtins_read_names(int dirfd, struct mf_builtins *builtins);
int mf_builtins_read_aliases(int dirfd, struct mf_builtins *builtins);

/*
 * Visits what is built in and of that name; only where nothing is, what has an alias that matches.
 * NAME is spelt by mf_alias_normalize(). 0 or the visitor's return.
 */
typedef int mf_builtins_visit(void *arg, const char *module);
int mf_builtins_lookup(const struct mf_builtins *builtins, const char *name,
		       mf_builtins_visit *visit, void *arg);
void mf_builtins_done(struct mf_builtins *builtins);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_BUILTIN_H
#define MODFETCH_BUILTIN_H
/*
 * The modules that are built into a kernel, from the two text files in the kernel's package: they
 * are available before depmod has written the first index.
 */
#include <stdbool.h>
#include "modfetch/strings.h"

/* Zeroed: nothing is built in. */
struct mf_builtins {
	struct mf_strings names;	     /* as kmod spells them */
	struct mf_strings patterns, modules; /* patterns.v[i] is an alias of modules.v[i] */
};

/*
 * Reads modules.builtin of a kernel's directory into NAMES, or modules.builtin.modinfo into
 * PATTERNS and MODULES. A missing file counts as empty. Names and aliases that an index cannot hold
 * are left out. 0; -EFBIG for a file over 16 MiB; or another -errno.
 */
int mf_builtins_read_names(int dirfd, struct mf_builtins *builtins);
int mf_builtins_read_aliases(int dirfd, struct mf_builtins *builtins);

/*
 * Visits the built-in module of that name; if there is none, each built-in module with an alias
 * that matches NAME. NAME is spelled by mf_alias_normalize(). A non-zero return of the visitor ends
 * the walk. 0 or the visitor's return.
 */
typedef int mf_builtins_visit(void *arg, const char *module);
int mf_builtins_lookup(const struct mf_builtins *builtins, const char *name,
		       mf_builtins_visit *visit, void *arg);
void mf_builtins_done(struct mf_builtins *builtins);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_DRIVER_FILES_H
#define MODFETCH_DRIVER_FILES_H
/*
 * The drivers of a repository whose primary.xml does not say enough of them, and what filelists.xml
 * adds.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/cache.h"
#include "modfetch/context.h"
#include "modfetch/solv.h"

/* A provide of packages whose modules are known from the list of their files alone. */
#define MF_FROM_FILES "modfetch(modules-from-filelists)"

/*
 * Is it a driver package, by its name and dependencies, and neither a kernel, a part of one, of
 * the tools for modules, nor a package without files?
 */
bool mf_is_driver_package(struct mf_pool *pool, int id);

/*
 * Looks for driver packages IDS that name no module, or need a file which neither a package of the
 * pool nor the disk has. If there are some, fetches filelists.xml by the function of SOURCE, gives
 * them a provide "kmod(NAME.ko)" for each of their modules, and packages one for each file that is
 * needed. A list that cannot be parsed is reported by a warning. The pool is ready before and after.
 * 0, -ENOMEM, or a failure of the function, which is recorded.
 */
int mf_driver_files_add(struct mf_context *ctx, const char *repo_id, struct mf_pool *pool,
			const int *ids, size_t n, const struct mf_cache_source *source);

/* Does the package say itself which modules it has, by a provide "kmod(NAME.ko)"? */
bool mf_driver_names_modules(struct mf_pool *pool, int id);
/*
 * Adds "kmod(NAME.ko)" to the struct mf_strings ARG if PATH is that of a module below lib/modules. 0 or
 * -ENOMEM.
 */
int mf_driver_files_note(void *arg, const char *path);

#endif

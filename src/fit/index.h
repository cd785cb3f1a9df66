/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FIT_INDEX_H
#define FIT_INDEX_H
/* The modules in the index of a kernel, and what they export; see index.c. */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/modinfo.h"
#include "export-list.h"

/* Zeroed: of a kernel without a directory. */
struct fit_index {
	const struct mf_context *ctx;
	char *directory;	   /* the kernel's, below the root; NULL: there is none */
	char *dep;		   /* text of modules.dep */
	struct mf_table paths;	   /* modules to places of their paths in that text */
	char *symbols;		   /* text of modules.symbols, or NULL: not read yet */
	struct mf_table exporters; /* symbols to places of modules in that text */
	struct mf_table read;	   /* modules whose exports are in EXPORTS */
	struct fit_exports exports;
	struct mf_arena texts;
};

/*
 * Reads modules.dep, which may be missing, in DIRECTORY, a path below the context's root (NULL: there is
 * none). The context must outlive the index. 0 or -errno.
 */
int fit_index_init(struct fit_index *ret_index, const struct mf_context *ctx,
		   const char *directory);
void fit_index_done(struct fit_index *index);

/*
 * Opens a file below the kernel's directory; links are followed inside the root, so that an absolute
 * one leads to the image's file. A descriptor or -errno.
 */
int fit_index_open(const struct fit_index *index, const char *path);

/* The path of a module below the kernel's directory, or NULL. */
const char *fit_index_path(const struct fit_index *index, const char *module);
/* Is it the kernel's own module: is its file below "kernel/"? */
bool fit_index_in_box(const struct fit_index *index, const char *module);
/* Adds the exports of a module that will be in the index, in place of those of its name. 0 or -ENOMEM. */
int fit_index_add(struct fit_index *index, const char *name, const struct mf_modinfo *module);
/*
 * Finds the export of SYMBOL by a module of the index. MODULE (not NULL): only by that one. Reads
 * the module unless it was read. 0: *RET_EXPORT is NULL if there is none; -ENOMEM.
 */
int fit_index_export(struct fit_index *index, const char *symbol, const char *module,
		     const struct fit_export **ret_export);

/* Gets a path of modules.dep, which ends in a NUL during the call. Non-zero ends the walk. */
typedef int fit_index_visit(void *arg, const char *path);
/* Visits the kernel's own modules in the order of modules.dep. */
int fit_index_each_in_box(const struct fit_index *index, fit_index_visit *visit, void *arg);

#endif

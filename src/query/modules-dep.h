/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_MODULES_DEP_H
#define MODFETCH_MODULES_DEP_H
/*
 * The files that modprobe can find: those that modules.dep names, with marks for those that a walk
 * of the tree has found.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/table.h"

/* A zeroed one is an empty index. */
struct mf_modules_dep {
	char *text;
	struct mf_table paths; /* each path; 1: marked */
	struct mf_table names; /* kmod's names of their modules */
	struct mf_arena arena;
};

/*
 * Reads modules.dep in a kernel's directory; a missing file is an empty index. 0 or -errno; RET_DEP
 * is empty then.
 */
int mf_modules_dep_read(int dirfd, struct mf_modules_dep *ret_dep);

/*
 * Is PATH, relative to the kernel's directory, in the index, or is another file of its name, which
 * depmod prefers? Marks a path that is in the index.
 */
bool mf_modules_dep_mark(struct mf_modules_dep *dep, const char *path);

/* A path that was not marked, of LEN bytes; absolute if it is outside of the tree. */
typedef int mf_modules_dep_fn(void *arg, const char *path, size_t len);
/* Calls FN for each of them, in no order, until it returns non-zero. Returns that value, or 0. */
int mf_modules_dep_each_unmarked(const struct mf_modules_dep *dep, mf_modules_dep_fn *fn,
				 void *arg);

void mf_modules_dep_done(struct mf_modules_dep *dep);

#endif

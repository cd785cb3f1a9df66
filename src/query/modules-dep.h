/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_MODULES_DEP_H
#define MODFETCH_MODULES_DEP_H
/* Which files modprobe can answer with: those that modules.dep names, and who has met them. */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/table.h"

/* Zeroed: an index that names nothing. */
struct mf_modules_dep {
	char *text;
	struct mf_table paths; /* 1: met */
	struct mf_table names; /* kmod's names of them */
	struct mf_arena arena;
};

/*
 * Reads modules.dep in a kernel's directory; one that is missing names nothing. 0 or -errno; then
 * RET_DEP is empty.
 */
int mf_modules_dep_read(int dirfd, struct mf_modules_dep *ret_dep);

/*
 * Is PATH, relative to the kernel's directory, in the index, or another file of its name, which
 * depmod prefers to it? A path that is in the index has been met now.
 */
bool mf_modules_dep_meet(struct mf_modules_dep *dep, const char *path);

/* A path that nobody has met, of LEN bytes; absolute where it is outside of the tree. */
typedef int mf_modules_dep_visit(void *arg, const char *path, size_t len);
/* Calls VISIT for each of them, in no order, until it returns non-zero. That, or 0. */
int mf_modules_dep_each_unmet(const struct mf_modules_dep *dep, mf_modules_dep_visit *visit,
			      void *arg);

void mf_modules_dep_done(struct mf_modules_dep *dep);

#endif

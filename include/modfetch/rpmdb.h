/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_RPMDB_H
#define MODFETCH_RPMDB_H
/*
 * Where the database of installed packages is below a root, and whether it has changed, told
 * without opening it: opening costs more than a lookup.
 */
#include <stdbool.h>
#include <time.h>
#include "modfetch/context.h"

/*
 * The folder as a path below the root in which no link is left, so that whoever opens it by name
 * stays below the root: "/var/lib/rpm". Where none exists, the one where it will be made; MAKE: the
 * folder is made. RET_THERE: is there a database? NULL: out of memory, or it cannot be made.
 */
char *mf_rpmdb_folder(const struct mf_context *ctx, bool make, bool *ret_there);

struct mf_rpmdb {
	bool exists;
	/*
	 * Another one for every change: inode, size and times of the database's file and of the
	 * log beside it; letters, digits and '-'. "" where there is no database.
	 */
	char key[160];
	time_t changed; /* the latest of those times */
};

void mf_rpmdb_look(const struct mf_context *ctx, struct mf_rpmdb *ret_db);

#endif

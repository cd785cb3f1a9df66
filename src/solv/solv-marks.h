/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SOLV_MARKS_H
#define SOLV_MARKS_H
/*
 * What packages say of the kernel they belong to, for the rest of the adapter.
 */
#include "solv-private.h"

/* The kernel that a pool answers for. */
struct mf_pool_kernel {
	struct mf_release release;
	size_t base;  /* bytes of the release before its flavor: "6.4.0-150600.21" */
	char *mark;   /* of its directory */
	Map uname;    /* strings: kernel-uname-r and its kind */
	Map marks;    /* strings: of any directory */
	Map other;    /* installed packages of other kernels */
	Queue others; /* the same */
	Queue known;  /* of each of these: name, version, architecture, place of its provides */
	Queue beside; /* packages that stay side by side with one that kept its names; and those */
	Queue twins;  /* packages of repositories that are installed for other kernels */
};

/* 0 or -ENOMEM. */
int mf_pool_kernel_new(struct mf_pool *pool, const struct mf_release *release);

/* The marks of one kind that a package has: of this kernel, of others. */
struct mf_said {
	bool own, other;
};

enum { BY_DIRECTORY, BY_UNAME, BY_BUILD, N_KINDS };

struct mf_marks {
	struct mf_said by[N_KINDS];
	bool exports;	   /* it provides symbols */
	bool side_by_side; /* versions of it stay beside each other */
};

void mf_marks_read(const struct mf_pool_kernel *kernel, const Pool *pool, Id id,
		   struct mf_marks *ret_marks);
/*
 * 1: a package was built for this kernel, or belongs to it; -1: to another one; 0: nothing says so.
 * MARKS: what was read, unless the name alone decides.
 */
int mf_marks_built_for(const struct mf_pool_kernel *kernel, const Pool *pool, Id id,
		       struct mf_marks *marks);
/* Has an installed package its modules in the directory of RELEASE? */
bool mf_marks_lie_in(const struct mf_pool *pool, Id id, const char *release);
/* Is that the version of a package of this kernel? Is the name one of a kernel's own packages? */
bool mf_marks_own_version(const struct mf_pool_kernel *kernel, const char *evr);
bool mf_marks_kernel_family(const char *name);

static inline bool mf_map_has(const Map *map, Id id)
{
	return id > 0 && id < map->size << 3 && MAPTST(map, id);
}

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_INDEXES_H
#define MODFETCH_INDEXES_H
/*
 * The alias, name and request indexes of a cache, made from packages' supplements, provides,
 * recommends and suggests: the same answers libsolv would give, as maps that the helpers of udev and
 * modprobe can read with nothing but libc.
 */
#include <stddef.h>
#include "modfetch/solv.h"
#include "modfetch/strings.h"

/* A package of another kernel that serves this one. */
struct mf_indexes_shared {
	int id;
	const char *tag; /* of the kernel that it was built for: its aliases name that */
};

struct mf_indexes_source {
	const int *ids; /* the packages of one kernel, or those of no particular one */
	size_t n;
	const char *tag;	       /* the kernel they belong to; NULL: no particular one */
	const struct mf_strings *tags; /* of all kernels of the repository */
	const int *loose; /* those of no particular kernel: what they say of this one counts */
	size_t n_loose;
	const struct mf_indexes_shared *shared;
	size_t n_shared;
	/*
	 * Without a tag: get the names of driver packages, those with an alias and those without any.
	 * Borrowed; NULL: they are not noted.
	 */
	struct mf_strings *found, *hidden;
};

/*
 * Writes alias-*.bin, name-*.bin and request-*.bin of a kernel into a directory, or without a tag those of packages
 * of no particular kernel, whose aliases are sorted by the flavor their supplements name
 * ("alias-default.bin") or into "alias-any.bin"; and carrier-*.bin beside the alias indexes where packages of
 * one module differ in their aliases. 0 or -errno.
 */
int mf_indexes_write(struct mf_pool *pool, const struct mf_indexes_source *source, int dirfd);

#endif

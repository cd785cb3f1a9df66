/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_INDEXES_H
#define MODFETCH_INDEXES_H
/*
 * The alias and name indexes of a cache, made from packages' supplements and provides: the same
 * answers libsolv would give, as maps the udev helper can read with nothing but libc.
 */
#include <stddef.h>
#include "modfetch/solv.h"

/*
 * Writes alias-*.bin and name-*.bin for the packages IDS into a folder. TAG: the kernel they all
 * belong to, or NULL for packages of no particular kernel, whose aliases are sorted by the flavor
 * their supplements name ("alias-default.bin") or into "alias-any.bin". 0 or -errno.
 */
int mf_indexes_write(struct mf_pool *pool, const int *ids, size_t n, const char *tag, int dirfd);

#endif

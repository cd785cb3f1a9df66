/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_NEWEST_RELEASE_H
#define MODFETCH_NEWEST_RELEASE_H
/* Which kernels a cache has packages for, by the names of its files. */
#include "modfetch/release.h"

/*
 * The newest release of the flavor of RELEASE that the cache in DIRFD has a list of packages for,
 * "6.1.0-57-amd64". New memory; NULL: none, or no memory.
 */
char *repo_newest_release(int dirfd, const struct mf_release *release);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FETCH_LANDLOCK_H
#define FETCH_LANDLOCK_H
/* Landlock: a process gives up files for ever, without any privilege. See landlock(7). */
#include <stddef.h>

/*
 * From now on this process can only open the N files of PATHS, and what is below its directories,
 * and only to read; devices also to write. It can create, remove and execute nothing. Paths that do
 * not exist are skipped. No new privileges must be set. 0; -EOPNOTSUPP or -ENOSYS: the kernel has no
 * Landlock; or another -errno. On failure nothing is restricted.
 */
int fetch_landlock(const char *const *paths, size_t n);

#endif

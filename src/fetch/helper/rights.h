/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_FETCH_RIGHTS_H
#define MODFETCH_FETCH_RIGHTS_H
/* Drops the rights that the download helper does not need. */
#include <stdint.h>

/* A message for the user; LEVEL is an enum mf_log_level. */
typedef void rights_log(void *arg, int level, const char *line);

/*
 * Becomes USER (or nobody) if the process is root, enters a file system that is almost empty, and
 * drops capabilities and the ways to get them, most resources, and most system calls. Files may
 * grow to MAX_FILE bytes. 0; -EUSERS: it is root and cannot become USER; or another -errno: the process must exit, since it may still have rights.
 */
int fetch_rights_drop(const char *user, uint64_t max_file, rights_log *on_log, void *arg);

#endif

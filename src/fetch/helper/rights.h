/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FETCH_RIGHTS_H
#define FETCH_RIGHTS_H
/* How the download helper gives away what it does not need. */
#include <stdint.h>

/* Something a person should know; LEVEL is an enum mf_log_level. */
typedef void rights_say(void *arg, int level, const char *line);

/*
 * Becomes USER (or nobody) where the process is root, sees an empty file system, has no capability,
 * no way to get one, few resources, and few system calls. Files may grow to MAX_FILE bytes. 0;
 * -errno: then the process must end, for it may still have rights.
 */
int fetch_rights_drop(const char *user, uint64_t max_file, rights_say *say, void *arg);

#endif

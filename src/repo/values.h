/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SRC_REPO_VALUES_H
#define SRC_REPO_VALUES_H
/* Numbers with units in .repo files, as dnf takes them. */
#include <stdbool.h>
#include <stdint.h>
#include "repo-entry.h"

/* "90", "90s", "5m", "1.5h", "2d": seconds, at most a year. False: it is no such text. */
bool repo_value_seconds(const char *text, unsigned int *ret_seconds);
/* "900", "64k", "1.5M", "1G": bytes, in units of 1024. False: it is no such text. */
bool repo_value_bytes(const char *text, uint64_t *ret_bytes);

/*
 * Setters of keys, each of which reads VALUE into WHERE, a member of the draft's repository: a secret, the
 * URL of a proxy, the path of a file, a time, a number of bytes, of tries, and a version of IP. 0, also
 * where the value is wrong and the entry unusable, or -ENOMEM.
 */
int repo_set_secret(const struct reading *rd, struct draft *d, void *where, const char *value);
int repo_set_proxy(const struct reading *rd, struct draft *d, void *where, const char *value);
int repo_set_file(const struct reading *rd, struct draft *d, void *where, const char *value);
int repo_set_seconds(const struct reading *rd, struct draft *d, void *where, const char *value);
/* metadata_expire=: WHERE is a bool, whether it says never. */
int repo_set_expiry(const struct reading *rd, struct draft *d, void *where, const char *value);
int repo_set_bytes(const struct reading *rd, struct draft *d, void *where, const char *value);
int repo_set_retries(const struct reading *rd, struct draft *d, void *where, const char *value);
int repo_set_ip(const struct reading *rd, struct draft *d, void *where, const char *value);

#endif

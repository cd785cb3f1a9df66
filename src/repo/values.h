/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SRC_REPO_VALUES_H
#define SRC_REPO_VALUES_H
/* Numbers with units in .repo files, as dnf takes them. */
#include <stdbool.h>
#include <stdint.h>

/* "90", "90s", "5m", "1.5h", "2d": seconds, at most a year. False: it is no such text. */
bool repo_value_seconds(const char *text, unsigned int *ret_seconds);
/* "900", "64k", "1.5M", "1G": bytes, in units of 1024. False: it is no such text. */
bool repo_value_bytes(const char *text, uint64_t *ret_bytes);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SRC_REPO_BASE_URL_H
#define SRC_REPO_BASE_URL_H
/* The URLs of an entry of a .repo file. */
#include "repo-entry.h"

/*
 * Setters of keys, see values.h: adds base URLs to the list WHERE, and their queries to the access of the
 * repository; adds the URL of a medium with a label; sets the URL or path WHERE, in which variables are replaced.
 */
int repo_add_urls(const struct reading *rd, struct draft *d, void *where, const char *value);
int repo_add_media(const struct reading *rd, struct draft *d, void *where, const char *label);
int repo_set_url(const struct reading *rd, struct draft *d, void *where, const char *value);

/* Do the URLs of a whole entry go together? 0, also where the entry becomes unusable, or -ENOMEM. */
int repo_check_urls(const struct reading *rd, struct draft *d);

#endif

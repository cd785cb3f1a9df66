/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_MIRRORS_H
#define MODFETCH_MIRRORS_H
/*
 * The mirrors behind a repository's mirrorlist=: a text file with a base URL a line, '#' begins a
 * comment. The list is kept as var/cache/modfetch/ID.mirrors, so that packages are fetched from the
 * mirrors the last refresh saw. Nobody signs it and nobody needs to: a mirror can only withhold.
 */
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

#define MF_MIRRORS_MAX 64 /* more of a list are not used */

/*
 * Adds the http: and https: URLs of a list, without final slashes, behind what URLS has; those with
 * a user or password in them are none. 0 or -ENOMEM.
 */
int mf_mirrors_parse(const char *text, struct mf_strings *urls);
/* Adds those kept for a repository; none kept is no error. 0 or -ENOMEM. */
int mf_mirrors_read(const struct mf_context *ctx, const char *repo_id, struct mf_strings *urls);
/* Keeps the URLs of a list. 0 or -errno. */
int mf_mirrors_keep(const struct mf_context *ctx, const char *repo_id, const char *text);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_HREF_H
#define MODFETCH_HREF_H
/*
 * Names of files as metadata gives them (href, location), and what they become. Pure functions.
 */
#include <stddef.h>

#define MF_HREF_MAX 1024

/*
 * May this name a file of a repository? By components: no absolute name, no "." or "..", no empty
 * component, no scheme, no query or fragment, no backslash or control character, none of these in
 * encoded form, at most 1,024 bytes. 0 or -MFE_BAD_HREF.
 */
int mf_href_check(const char *href);

/*
 * Joins a repository's base URL (http:, https: or file:, without query or fragment) and a checked
 * name. Bytes a URL cannot hold are encoded. 0, -MFE_BAD_HREF or -ENOMEM; records nothing.
 */
int mf_href_join(const char *base, const char *href, char **ret_url);

/* The path that a file: URL or a checked name stands for, %XX decoded. 0, -MFE_BAD_HREF, -ENOMEM.
 */
int mf_href_decode(const char *href, char **ret_path);

#endif

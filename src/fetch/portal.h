/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_PORTAL_H
#define MODFETCH_PORTAL_H
/*
 * Detects answers that do not come from the server. A captive portal, or a proxy with an error
 * page, answers any request with status 200 and a web page. Uses libc only.
 */
#include <stdbool.h>
#include <stddef.h>

#define MF_PORTAL_HEAD 4096 /* bytes of a body that are checked */

/*
 * Are these first LEN bytes of the body for NAME (a path or URL) those of a web page, or such as no
 * file of that name begins with? False in doubt. BROKEN: the file has the wrong size or digest;
 * then a package must begin with the magic number of rpm.
 */
bool mf_portal_body(const char *name, const void *head, size_t len, bool broken);
/* The same for the file FD, read from its beginning; its position does not move. */
bool mf_portal_file(const char *name, int fd, bool broken);

#endif

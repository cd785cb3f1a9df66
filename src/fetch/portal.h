/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_PORTAL_H
#define MODFETCH_PORTAL_H
/*
 * Did somebody else answer in the server's place? A captive portal, or a proxy with an error to
 * show, answers 200 with a web page to whatever it is asked. Libc only.
 */
#include <stdbool.h>
#include <stddef.h>

#define MF_PORTAL_HEAD 4096 /* bytes of a body that are looked at */

/*
 * Are these, the first LEN bytes of what came for NAME (a path or URL), those of a web page, or
 * such as no file of that name begins with? False where nothing says so. BROKEN: it is known that
 * the file is not the one wanted, by its size or digest; then a package must begin as one.
 */
bool mf_portal_body(const char *name, const void *head, size_t len, bool broken);
/* The same of the file FD, read from its beginning without moving in it. */
bool mf_portal_file(const char *name, int fd, bool broken);

#endif

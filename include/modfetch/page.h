/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_PAGE_H
#define MODFETCH_PAGE_H
/*
 * The page of a repository: static files, by which a person finds the driver of a device with a web
 * browser. It is made from what modfetch pack has published, and needs no program on the server.
 *
 * REPO/page/index.html is the page. All other files in REPO/page/ are named by their digest and never
 * change; index.html is replaced at the end, so that a reader sees the old page or the new one, and the
 * files of the page before stay until the next run.
 */
#include <stdbool.h>
#include "modfetch/context.h"

/* Has the repository in this directory a page? It is then kept up to date. */
bool mf_page_exists(const char *repository);

/*
 * Writes the page of the repository in this directory; the names of devices are those of pci.ids and
 * usb.ids below the context's root, if they are there. 0; or recorded: -MFE_LOCKED (modfetch pack works
 * on the repository), -MFE_BAD_METADATA, -ENOMEM or another -errno.
 */
int mf_page_write(struct mf_context *ctx, const char *repository);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LINKS_LEDGER_H
#define LINKS_LEDGER_H
/* The list of our links on disk, and in memory; see ledger.c. */
#include "modfetch/links.h"

/* Adds a copy. False instead of a link that no line can hold (a blank, a control character). 1: added; 0; -ENOMEM. */
int links_ledger_add(struct mf_links *links, const struct mf_link *link);
/* Removes entry I; the order changes. */
void links_ledger_drop(struct mf_links *links, size_t i);
/* The entry for a module, by its name, of a kernel; NULL: none. */
struct mf_link *links_ledger_find(const struct mf_links *links, const char *kernel,
				  const char *module);
/* Writes it, synced; removes the file if there is nothing to say. 0 or -errno, recorded. */
int links_ledger_write(struct mf_context *ctx, const struct mf_links *links);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LINKS_PLACE_H
#define LINKS_PLACE_H
/* One link on disk; see place.c. */
#include "modfetch/links.h"

/* The path of the link below the root, "lib/modules/K/…". NULL: no memory. */
char *links_place_path(const struct mf_link *link);

enum links_place {
	LINKS_FREE,	 /* nothing is there */
	LINKS_OURS,	 /* exactly this link, and its module is there */
	LINKS_DEAD,	 /* exactly this link, but its module or the kernel's own files are gone */
	LINKS_OF_OTHERS, /* something else */
};
enum links_place links_place_look(const struct mf_context *ctx, const struct mf_link *link);

/* Appends the directories that must be made for a link, as the ledger has them. 0 or -ENOMEM. */
int links_place_missing(const struct mf_context *ctx, const struct mf_link *link,
			struct mf_strings *directories);
/*
 * Makes the link and its directories. 0 (also if it is there); -EEXIST: something else is there;
 * -EXDEV: from there it does not lead to the module; or another -errno.
 */
int links_place_make(const struct mf_context *ctx, const struct mf_link *link);
/* Removes it if it is exactly this link; then those of DIRECTORIES that are empty. 0 or -errno. */
int links_place_remove(const struct mf_context *ctx, const struct mf_link *link,
		       struct mf_strings *directories);

#endif

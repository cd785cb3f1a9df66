/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_REPO_FILE_H
#define MODFETCH_REPO_FILE_H
/*
 * Changes to the text of a .repo file that leave every other byte as it is, and what a .repo file from
 * elsewhere offers. Pure functions; the texts are those of modfetch/repo.h.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/strings.h"

/*
 * Sets KEY of section ID to VALUE, or with APPEND adds VALUE after a blank to the value that it has.
 * Of several lines with the key the last one is changed; without one, a line is added after the
 * section's name. RET_TEXT is the caller's to free. 0; -ENOENT: there is no such section; -EINVAL:
 * further lines of the key, or a second section of this name, would make it another value; -ENOMEM.
 */
int mf_repo_text_set(const char *text, const char *id, const char *key, const char *value,
		     bool append, char **ret_text);

/*
 * Removes section ID, up to the next one and the comment that stands directly before that.
 * RET_LAST: no other section is left. RET_TEXT is the caller's to free. 0, -ENOENT or -ENOMEM.
 */
int mf_repo_text_remove(const char *text, const char *id, char **ret_text, bool *ret_last);

/* What the first section of a .repo file from elsewhere says that can be taken from it. */
struct mf_repo_offer {
	char *name; /* printable, on one line; NULL: none */
	struct mf_strings baseurls;
	size_t n_sections;
};
/*
 * Reads TEXT, which is not trusted: a line that is no ini line is ignored, and so is every key that is
 * not a member of the struct. The caller passes the result to mf_repo_offer_done(). 0 or -ENOMEM.
 */
int mf_repo_text_offer(const char *text, struct mf_repo_offer *ret_offer);
void mf_repo_offer_done(struct mf_repo_offer *offer);

#endif

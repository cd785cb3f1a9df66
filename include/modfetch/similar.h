/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SIMILAR_H
#define MODFETCH_SIMILAR_H
/* "Did you mean …?": the known words that are most similar to an unknown one. */
#include <stddef.h>
#include "modfetch/strings.h"

#define MF_SIMILAR_MAX 3 /* words that are kept */

/* Zeroed but for "word": empty. */
struct mf_similar {
	const char *word; /* borrowed */
	struct mf_strings found;
	size_t distance; /* of those that were found */
};

/*
 * Offers a known word. It is kept if it differs from the unknown one by at most two inserted, deleted,
 * replaced or swapped bytes (one, if the unknown one has less than six; none below three), and none that
 * was offered before is more similar. '-' equals '_', and case does not count. Without memory nothing is kept.
 */
void mf_similar_offer(struct mf_similar *similar, const char *known);
/* "did you mean a, b or c?", in the order of the offers, new memory; NULL: nothing is similar, or no memory. */
char *mf_similar_text(const struct mf_similar *similar);
void mf_similar_done(struct mf_similar *similar);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The known words that are most similar to an unknown one.
 *
 * The distance is that of optimal string alignment: insertions, deletions, replacements and swaps of
 * neighbors. Words come from the command line and from repositories, so their length is bounded; the
 * result is only ever printed, never run in place of the unknown word.
 */
#include "modfetch/similar.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 64 /* bytes of a word that is compared */
#define NEVER	 ((size_t)WORD_MAX * 2)

static size_t similar_min(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool same_byte(char a, char b)
{
	a = a == '-' ? '_' : a;
	b = b == '-' ? '_' : b;
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t distance_of(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1], n = strlen(a), m = strlen(b);
	size_t *before = rows[0], *last = rows[1], *row = rows[2];

	if (n > WORD_MAX || m > WORD_MAX)
		return NEVER;
	for (size_t j = 0; j <= m; j++)
		row[j] = last[j] = before[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *free_row = before;

		before = last;
		last = row;
		row = free_row;
		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			row[j] = similar_min(last[j], row[j - 1]) + 1;
			row[j] = similar_min(row[j], last[j - 1] + !same_byte(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && same_byte(a[i - 1], b[j - 2]) &&
			    same_byte(a[i - 2], b[j - 1]))
				row[j] = similar_min(row[j], before[j - 2] + 1);
		}
	}
	return row[m];
}

/* A short word is similar to too many others. */
static size_t most_for(size_t len)
{
	return len < 3 ? 0 : len < 6 ? 1 : 2;
}

void mf_similar_offer(struct mf_similar *similar, const char *known)
{
	size_t distance = distance_of(similar->word, known);

	if (!distance || distance > most_for(strlen(similar->word)) ||
	    (similar->found.n && distance > similar->distance))
		return;
	if (distance < similar->distance)
		mf_strings_done(&similar->found);
	if (similar->found.n < MF_SIMILAR_MAX && mf_strings_add_unique(&similar->found, known) >= 0)
		similar->distance = distance;
}

char *mf_similar_text(const struct mf_similar *similar)
{
	const struct mf_strings *found = &similar->found;

	switch (found->n) {
	case 0:
		return NULL;
	case 1:
		return mf_format("did you mean %s?", found->v[0]);
	case 2:
		return mf_format("did you mean %s or %s?", found->v[0], found->v[1]);
	default:
		return mf_format("did you mean %s, %s or %s?", found->v[0], found->v[1],
				 found->v[2]);
	}
}

void mf_similar_done(struct mf_similar *similar)
{
	mf_strings_done(&similar->found);
}

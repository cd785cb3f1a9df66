/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of words: what the names of devices and the texts of drivers lead to.
 *
 *	"realtek": ["m:r8169", "pci:10EC", "usb:0BDA", …]
 *	"controller": 1543
 *
 * A word is two or more ASCII letters and digits, in lower case; all other bytes separate words. A word with
 * more than TARGETS_MAX targets selects nothing, and would be most of what a reader has to fetch: it has
 * their number instead, and a search passes over it. Vendors stand for all of their devices.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/json.h"
#include "model.h"

#define WORD_SIZE   40 /* bytes with the NUL; of a longer word the beginning counts */
#define TARGETS_MAX 800

void page_words_done(struct page_words *words)
{
	for (size_t i = 0; i < words->n; i++)
		mf_json_free(words->v[i].targets);
	free(words->v);
	mf_table_done(&words->by_word);
	mf_arena_done(&words->arena);
	*words = (struct page_words){ 0 };
}

static int add_word(struct page_words *words, const char *word, size_t len, const char *target)
{
	uint32_t *known = mf_table_get(&words->by_word, word, len), *place = known;
	struct page_word *w;

	if (!known) {
		const char *key = mf_arena_copy(&words->arena, word, len);

		if (!key ||
		    mf_array_reserve(&words->v, &words->room, words->n + 1, sizeof(*words->v)) <
			    0 ||
		    mf_table_put(&words->by_word, key, len, (uint32_t)words->n, &place) < 0)
			return -ENOMEM;
		words->v[words->n++] =
			(struct page_word){ .word = key, .targets = mf_json_array() };
	}
	w = &words->v[*place];
	if (!w->last || strcmp(w->last, target) != 0)
		mf_json_add_string(w->targets, target);
	w->last = target;
	return 0;
}

int page_words_add(struct page_words *words, const char *text, const char *target)
{
	const char *kept = mf_arena_copy(&words->arena, target, strlen(target));
	char word[WORD_SIZE];
	size_t n = 0;

	if (!kept)
		return -ENOMEM;
	for (;; text++) {
		if (isalnum((unsigned char)*text) && (unsigned char)*text < 0x80) {
			if (n < sizeof(word) - 1)
				word[n++] = (char)tolower((unsigned char)*text);
			continue;
		}
		if (n > 1 && add_word(words, word, n, kept) < 0)
			return -ENOMEM;
		n = 0;
		if (!*text)
			return 0;
	}
}

int page_words_make(struct page_words *words, struct page_records *ret_records)
{
	int r = 0;

	for (size_t i = 0; !r && i < words->n; i++) {
		struct page_word *w = &words->v[i];
		size_t n = mf_json_length(w->targets);

		if (n > TARGETS_MAX) {
			mf_json_free(w->targets);
			w->targets = mf_json_int((int64_t)n);
		}
		r = page_records_add(ret_records, w->word, MF_STEAL(w->targets));
	}
	return r;
}

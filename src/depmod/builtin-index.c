/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The indexes of what is built into the kernel: from modules.builtin (a path a line) the names,
 * from modules.builtin.modinfo (NAME.KEY=VALUE, NUL-ended) the aliases.
 *
 * Both files come with the kernel package. Damaged lines are read the way depmod reads them, since
 * a name is then in the index or not; where a file is missing its index is an empty file, not an
 * empty trie. All values have priority 0, and of one key the later one comes first.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/trie.h"
#include "read.h"
#include "text.h"

#define PIECE 4096 /* bytes depmod has room for, with a NUL */

static void free_builder(struct mf_trie_builder **builder)
{
	mf_trie_builder_free(*builder);
}

static int builtin_finish(const struct dm_source *src, struct mf_trie_builder *builder,
			  struct dm_buf *index)
{
	void *p = NULL;
	int r = mf_trie_builder_finish(builder, &p, &index->len);

	index->p = p;
	return r < 0 ? r : dm_text_order(src, index);
}

/* One more value; what no index can hold is left out. */
static int builtin_add(const struct dm_source *src, struct mf_trie_builder *builder,
		       const char *key, const char *value)
{
	int r = mf_trie_builder_add(builder, key, value, 0);

	if (r != -EINVAL)
		return r;
	mf_log(src->ctx, MF_LOG_WARNING, "no index can hold the built-in name '%s'", key);
	return 0;
}

/* LAST is the name of the line before: a line that ends in a slash stands for it again. */
static int add_builtin(const struct dm_source *src, struct mf_trie_builder *builder,
		       const char *line, size_t len, char last[PIECE])
{
	const char *slash = memrchr(line, '/', len);
	const char *base = slash ? slash + 1 : line;
	size_t n = (size_t)(line + len - base);

	if (!isalpha((unsigned char)*line)) {
		mf_log(src->ctx, MF_LOG_WARNING, "modules.builtin: a line that is no path");
		return 0;
	}
	if (n) {
		memcpy(last, base, n);
		last[n] = '\0';
		last[strcspn(last, ".")] = '\0';
		for (char *p = last; *p; p++)
			if (*p == '-')
				*p = '_';
	}
	return *last || n ? builtin_add(src, builder, last, "") : 0;
}

/* A line as fgets(3) gives it: with its end, and cut where depmod's buffer ends. */
static int make_builtin(const struct dm_source *src, struct dm_buf *index)
{
	_cleanup_(free_builder) struct mf_trie_builder *builder = NULL;
	const struct dm_input *in = &src->builtin;
	char last[PIECE] = "";
	int r = mf_trie_builder_new(&builder);

	for (size_t at = 0; at < in->len && r >= 0;) {
		size_t room = in->len - at < PIECE - 1 ? in->len - at : PIECE - 1;
		const char *newline = memchr(in->p + at, '\n', room);
		size_t n = newline ? (size_t)(newline - (in->p + at)) + 1 : room;

		r = add_builtin(src, builder, in->p + at, strnlen(in->p + at, n), last);
		at += n;
	}
	return r < 0 ? r : builtin_finish(src, builder, index);
}

/* Reads bytes up to END, a NUL or the end of the input; false if it was not END that came. */
static bool piece(const struct dm_input *in, size_t *at, char end, char *ret, size_t *ret_len)
{
	size_t n = 0;
	char c = '\0';

	for (;;) {
		bool there = *at < in->len;

		c = there ? in->p[*at] : '\0';
		++*at;
		if (!there) {
			*ret_len = 0;
			ret[0] = '\0';
			return false;
		}
		if (c == end || !c)
			break;
		if (n == PIECE - 1)
			break;
		ret[n++] = c;
	}
	*ret_len = c == end ? n : 0;
	ret[*ret_len] = '\0';
	return c == end;
}

static int make_builtin_alias(const struct dm_source *src, struct dm_buf *index)
{
	_cleanup_(free_builder) struct mf_trie_builder *builder = NULL;
	const struct dm_input *in = &src->builtin_modinfo;
	char name[PIECE], key[PIECE], norm[PIECE];
	size_t at = 0, n;
	int r = mf_trie_builder_new(&builder);

	while (at < in->len && r >= 0) {
		int64_t norm_len;

		if (!piece(in, &at, '.', name, &n) || !n)
			continue;
		piece(in, &at, '=', key, &n);
		if (strcmp(key, "alias") != 0) {
			/* on to the next NUL, even where a missing '=' has passed one already */
			while (at < in->len && in->p[at])
				at++;
			at++;
			continue;
		}
		if (!piece(in, &at, '\0', key, &n) || !n)
			continue;
		norm_len = dm_alias_normalise(key, n, norm);
		if (norm_len < 0)
			continue;
		norm[norm_len] = '\0';
		r = builtin_add(src, builder, norm, name);
	}
	return r < 0 ? r : builtin_finish(src, builder, index);
}

int dm_text_builtin(const struct dm_source *src, struct dm_buf *indexes)
{
	int r = 0;

	if (src->builtin.p)
		r = make_builtin(src, &indexes[DM_BUILTIN_BIN]);
	if (r >= 0 && src->builtin_modinfo.p)
		r = make_builtin_alias(src, &indexes[DM_BUILTIN_ALIAS_BIN]);
	return r;
}

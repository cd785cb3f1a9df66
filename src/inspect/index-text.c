/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The meaning of the module indexes, for a comparison.
 *
 * The text indexes are sets of lines. modules.dep has one line for each module, "PATH: PATH …"; the
 * dependencies are a set too, though depmod writes them in the order in which they are loaded.
 * Damaged lines are lines as any other, and so are found as a difference. Of the binary indexes the
 * layout differs between versions of kmod, so their entries are added up to one number, in which
 * the order does not count.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"
#include "modfetch/table.h"
#include "modfetch/trie.h"
#include "indexes.h"

/* Calls BODY's variables for each line: LINE and its LEN. */
#define EACH_LINE(text, line, len)                                                                 \
	for ((line) = (text); *(line) && ((len) = strcspn((line), "\n"), true);                    \
	     (line) += (len) + ((line)[len] == '\n'))

/* ---- modules.dep ---- */

/* A sum of the words of a text in which their order does not count. */
static uint64_t sum_words(const char *text, size_t len)
{
	uint64_t sum = 0;

	for (const char *end = text + len; text < end;) {
		size_t n;

		for (n = 0; text + n < end && text[n] != ' '; n++)
			;
		if (n)
			sum += mf_hash(text, n);
		text += n + 1;
	}
	return sum;
}

static bool has_excused(const char *text, size_t len, inspect_dep_excused *excused, void *arg)
{
	for (const char *end = text + len; text < end;) {
		size_t n;

		for (n = 0; text + n < end && text[n] != ' '; n++)
			;
		if (n && excused(arg, text, n))
			return true;
		text += n + 1;
	}
	return false;
}

/* Enters the paths of a text with the places of their lines, plus 1. */
static int dep_read(const char *text, struct mf_table *paths)
{
	const char *line;
	size_t len;
	int r = 0;

	EACH_LINE(text, line, len)
	{
		size_t path = strcspn(line, ":\n");
		uint32_t *value;

		if (path < len)
			r = mf_table_put(paths, line, path, (uint32_t)(line - text) + 1, &value);
		if (r < 0)
			return r;
	}
	return 0;
}

static int dep_compare_line(const char *made, const char *found, const char *path_of,
			    size_t path_len, inspect_dep_differs *differs,
			    inspect_dep_excused *excused, void *arg)
{
	_cleanup_free_ char *path = NULL;
	const char *a = made ? made + path_len + 1 : NULL, *b = found ? found + path_len + 1 : NULL;
	size_t a_len = a ? strcspn(a, "\n") : 0, b_len = b ? strcspn(b, "\n") : 0;

	if (a && b &&
	    (sum_words(a, a_len) == sum_words(b, b_len) || has_excused(a, a_len, excused, arg) ||
	     has_excused(b, b_len, excused, arg)))
		return 0;
	path = strndup(path_of, path_len);
	return path ? differs(arg, path, a, b) : -ENOMEM;
}

int inspect_compare_dep(const char *made, const char *found, inspect_dep_differs *differs,
			inspect_dep_excused *excused, void *arg)
{
	_cleanup_(mf_table_done) struct mf_table in_made = { 0 };
	_cleanup_(mf_table_done) struct mf_table in_found = { 0 };
	int r = dep_read(made, &in_made);
	const char *line;
	size_t len;

	if (!r)
		r = dep_read(found, &in_found);
	/* first the paths of one text only: they may explain others */
	for (int both = 0; both < 2; both++) {
		EACH_LINE(made, line, len)
		{
			size_t path = strcspn(line, ":\n");
			const uint32_t *at = mf_table_get(&in_found, line, path);

			if (!r && path < len && !at == !both)
				r = dep_compare_line(line, at ? found + *at - 1 : NULL, line, path,
						     differs, excused, arg);
		}
		EACH_LINE(found, line, len)
		{
			size_t path = strcspn(line, ":\n");

			if (!r && !both && path < len && !mf_table_get(&in_made, line, path))
				r = dep_compare_line(NULL, line, line, path, differs, excused, arg);
		}
	}
	return r;
}

/* ---- the other text indexes ---- */

static int lines_read(const char *text, struct mf_table *lines)
{
	const char *line;
	size_t len;

	EACH_LINE(text, line, len)
	{
		uint32_t *value;

		if (len && *line != '#' && mf_table_put(lines, line, len, 0, &value) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* The name of the module that a line is about. */
static const char *name_in_line(const char *line, size_t len, size_t *ret_len)
{
	const char *name = line;

	if (mf_starts_with(line, "alias ")) {
		name = (const char *)memrchr(line, ' ', len) + 1;
		*ret_len = len - (size_t)(name - line);
		return name;
	}
	if (mf_starts_with(line, "softdep ") || mf_starts_with(line, "weakdep "))
		name += strlen("softdep ");
	*ret_len = strcspn(name, " \n");
	return name;
}

static int lines_compare(const char *text, const struct mf_table *others,
			 inspect_line_differs *differs, void *arg)
{
	size_t len, name_len;
	const char *line;
	int r = 0;

	EACH_LINE(text, line, len)
	{
		const char *name;

		if (!len || *line == '#' || mf_table_get(others, line, len))
			continue;
		name = name_in_line(line, len, &name_len);
		r = differs(arg, line, name, name_len);
		if (r)
			return r;
	}
	return 0;
}

int inspect_compare_lines(const char *made, const char *found, inspect_line_differs *differs,
			  void *arg)
{
	_cleanup_(mf_table_done) struct mf_table in_made = { 0 };
	_cleanup_(mf_table_done) struct mf_table in_found = { 0 };
	int r = lines_read(made, &in_made);

	if (!r)
		r = lines_read(found, &in_found);
	if (!r)
		r = lines_compare(made, &in_found, differs, arg);
	return r ? r : lines_compare(found, &in_made, differs, arg);
}

/* ---- binary indexes ---- */

static int add_entry(void *arg, const char *key, const char *value, uint32_t priority)
{
	uint64_t *sum = arg;
	const uint64_t entry[2] = { mf_hash(key, strlen(key)), sum_words(value, strlen(value)) };

	(void)priority;
	*sum += mf_hash(entry, sizeof(entry));
	return 0;
}

static bool sum_entries(const void *bytes, size_t len, uint64_t *ret_sum)
{
	struct mf_trie *trie;
	int r = mf_trie_new(bytes, len, &trie);

	if (r < 0)
		return false;
	*ret_sum = 0;
	r = mf_trie_walk(trie, add_entry, ret_sum);
	mf_trie_free(trie);
	return r == 0;
}

bool inspect_same_entries(const void *made, size_t made_len, const void *found, size_t found_len)
{
	uint64_t sums[2];

	if (made_len == found_len && !memcmp(made, found, made_len))
		return true;
	return sum_entries(made, made_len, &sums[0]) && sum_entries(found, found_len, &sums[1]) &&
	       sums[0] == sums[1];
}

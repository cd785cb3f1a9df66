/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An index of any bytes: a walk terminates, and a lookup of a key finds the values that the walk
 * visits. And vice versa: an index made of any lines "key value" returns exactly these.
 */
#include <assert.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/trie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEPT 64

struct seen {
	const struct mf_trie *trie;
	char *keys[KEPT]; /* of the first values */
	size_t n, total, bytes;
	const char *wanted;
	bool found;
};

static int keep(void *arg, const char *key, const char *value, uint32_t priority)
{
	struct seen *seen = arg;

	(void)priority;
	seen->bytes += strlen(key) + strlen(value);
	if (seen->n < KEPT)
		seen->keys[seen->n++] = strdup(key);
	seen->total++;
	return 0;
}

static int expect(void *arg, const char *key, const char *value, uint32_t priority)
{
	struct seen *seen = arg;

	(void)value;
	(void)priority;
	assert(!strcmp(key, seen->wanted));
	seen->found = true;
	return 0;
}

static int expect_match(void *arg, const char *key, const char *value, uint32_t priority)
{
	const char *name = arg;

	(void)value;
	(void)priority;
	assert(!fnmatch(key, name, 0));
	return 0;
}

static void read_any(const uint8_t *data, size_t size)
{
	struct seen seen = { 0 };
	struct mf_trie *trie;
	int r;

	if (mf_trie_new(data, size, &trie) < 0)
		return;
	r = mf_trie_walk(trie, keep, &seen);
	for (size_t i = 0; i < seen.n; i++) {
		seen.wanted = seen.keys[i];
		seen.found = false;
		/* in a damaged index two branches may have the same byte: then one of them is found
		 */
		(void)mf_trie_find(trie, seen.keys[i], expect, &seen);
		/* kmod compares a backslash in front of the first wildcard as a byte, fnmatch does
		 * not */
		if (!r && !strpbrk(seen.keys[i], "[\\"))
			(void)mf_trie_match(trie, seen.keys[i], expect_match, seen.keys[i]);
		free(seen.keys[i]);
	}
	mf_trie_free(trie);
}

struct lines {
	struct mf_trie_builder *builder;
	size_t n, bytes;
	char *first;
};

/* "key value", one on each line; lines that no index can hold are skipped. */
static void add_line(struct lines *lines, const char *line, size_t len)
{
	char copy[600], *value;

	if (len >= sizeof(copy) || memchr(line, '\0', len))
		return;
	memcpy(copy, line, len);
	copy[len] = '\0';
	value = strchr(copy, ' ');
	if (!value)
		return;
	*value++ = '\0';
	if (mf_trie_builder_add(lines->builder, copy, value, (uint32_t)lines->n) < 0)
		return;
	lines->n++;
	lines->bytes += strlen(copy) + strlen(value);
	if (!lines->first)
		lines->first = strdup(copy);
}

static void write_and_read(const uint8_t *data, size_t size)
{
	struct lines lines = { 0 };
	struct seen seen = { 0 };
	struct mf_trie *trie;
	void *index;
	size_t len;

	assert(!mf_trie_builder_new(&lines.builder));
	for (size_t at = 0; at < size;) {
		const uint8_t *end = memchr(data + at, '\n', size - at);
		size_t n = end ? (size_t)(end - (data + at)) : size - at;

		add_line(&lines, (const char *)data + at, n);
		at += n + 1;
	}
	assert(!mf_trie_builder_finish(lines.builder, &index, &len));
	mf_trie_builder_free(lines.builder);
	assert(!mf_trie_new(index, len, &trie));
	assert(!mf_trie_walk(trie, keep, &seen));
	assert(seen.total == lines.n && seen.bytes == lines.bytes);
	for (size_t i = 0; i < seen.n; i++)
		free(seen.keys[i]);
	if (lines.first) {
		seen.wanted = lines.first;
		assert(!mf_trie_find(trie, lines.first, expect, &seen) && seen.found);
	}
	free(lines.first);
	mf_trie_free(trie);
	free(index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t magic[] = { 0xb0, 0x07, 0xf4, 0x57 };

	if (size >= sizeof(magic) && !memcmp(data, magic, sizeof(magic)))
		read_any(data, size);
	else
		write_and_read(data, size);
	return 0;
}

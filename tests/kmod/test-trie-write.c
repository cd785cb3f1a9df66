/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The oracle is depmod: its own indexes of a real kernel, and of trees made for one case each. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include "modfetch/trie.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "tests/trees.h"

static int add_to(void *arg, const char *key, const char *value, uint32_t priority)
{
	return mf_trie_builder_add(arg, key, value, priority);
}

/* Reads an index and writes it again. */
static void round_trip(const char *dir, const char *name, size_t at_least)
{
	_cleanup_free_ char *file = NULL;
	_cleanup_free_ void *built = NULL;
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct mf_trie_builder *builder;
	struct mf_trie *trie;
	size_t len, built_len;

	assert_true(fd >= 0);
	assert_int_equal(mf_file_read_at(fd, name, (size_t)64 << 20, &file, &len), 0);
	assert_true(len >= at_least);
	assert_int_equal(mf_trie_open_at(fd, name, &trie), 0);
	assert_int_equal(mf_trie_builder_new(&builder), 0);
	assert_int_equal(mf_trie_walk(trie, add_to, builder), 0);
	assert_int_equal(mf_trie_builder_finish(builder, &built, &built_len), 0);
	assert_int_equal(built_len, len);
	/* since version 34 in the other order */
	if (memcmp(built, file, len) != 0)
		assert_int_equal(mf_trie_parents_first(&built, len), 0);
	assert_memory_equal(built, file, len);
	mf_trie_builder_free(builder);
	mf_trie_free(trie);
}

static void depmods_indexes_come_out_byte_for_byte(void **state)
{
	char scratch[] = "/tmp/test-trie.XXXXXX", command[1024], dir[64];

	assert_non_null(mkdtemp(scratch));
	snprintf(command, sizeof(command),
		 "mkdir -p %s/lib/modules && cp -as %s %s/lib/modules/1.2.3 && depmod -b %s 1.2.3",
		 scratch, tree_of("default"), scratch, scratch);
	assert_int_equal(system(command), 0);
	snprintf(dir, sizeof(dir), "%s/lib/modules/1.2.3", scratch);
	round_trip(dir, "modules.alias.bin", 1000000);
	round_trip(dir, "modules.dep.bin", 500000);
	round_trip(dir, "modules.symbols.bin", 500000);
	round_trip(dir, "modules.builtin.bin", 5000);
	round_trip(dir, "modules.builtin.alias.bin", 1000);
	snprintf(command, sizeof(command), "rm -rf %s", scratch);
	assert_int_equal(system(command), 0);
}

struct wanted {
	const char *const *lines;
	size_t n;
};

static int expect(void *arg, const char *key, const char *value, uint32_t priority)
{
	struct wanted *wanted = arg;
	char line[64];

	snprintf(line, sizeof(line), "%s=%s/%u", key, value, priority);
	assert_true(wanted->n > 0);
	assert_string_equal(line, *wanted->lines);
	wanted->lines++;
	wanted->n--;
	return 0;
}

static void values_stand_in_order_of_priority_the_later_first(void **state)
{
	static const struct mf_trie_entry entries[] = {
		{ "b", "x", 0, 0, 2 },	 { "ab", "y", 0, 0, 0 },  { "abc", "1", 0, 0, 5 },
		{ "abc", "2", 0, 0, 3 }, { "abc", "3", 0, 0, 5 }, { "", "root", 0, 0, 1 },
		{ "abd", "z", 0, 0, 0 }, { "abc", "2", 0, 0, 3 },
	};
	static const char *const lines[] = { "=root/1", "ab=y/0",  "abc=2/3", "abc=2/3",
					     "abc=3/5", "abc=1/5", "abd=z/0", "b=x/2" };
	struct wanted wanted = { lines, MF_ARRAY_SIZE(lines) };
	_cleanup_free_ void *buf = NULL;
	struct mf_trie_builder *builder;
	struct mf_trie *trie;
	size_t len;

	assert_int_equal(mf_trie_builder_new(&builder), 0);
	for (size_t i = 0; i < MF_ARRAY_SIZE(entries); i++)
		assert_int_equal(mf_trie_builder_add(builder, entries[i].key, entries[i].value,
						     entries[i].priority),
				 0);
	assert_int_equal(mf_trie_builder_finish(builder, &buf, &len), 0);
	assert_int_equal(mf_trie_new(buf, len, &trie), 0);
	assert_int_equal(mf_trie_walk(trie, expect, &wanted), 0);
	assert_int_equal(wanted.n, 0);
	mf_trie_free(trie);
	mf_trie_builder_free(builder);
}

static void an_empty_index_is_depmods_twelve_bytes(void **state)
{
	static const uint8_t empty[12] = { 0xb0, 0x07, 0xf4, 0x57, 0, 2, 0, 1, 0, 0, 0, 12 };
	_cleanup_free_ void *buf = NULL;
	size_t len;

	assert_int_equal(mf_trie_write(NULL, 0, &buf, &len), 0);
	assert_int_equal(len, sizeof(empty));
	assert_memory_equal(buf, empty, len);
	assert_int_equal(mf_trie_parents_first(&buf, len), 0);
	assert_memory_equal(buf, empty, len);
}

static size_t put_hex(uint8_t *bytes, size_t at, const char *hex)
{
	unsigned int byte;
	int n;

	for (; sscanf(hex, " %2x%n", &byte, &n) == 1; hex += n)
		bytes[at++] = (uint8_t)byte;
	return at;
}

/* "ask", "ate" and "on" as kmod 34 writes them: each node before its children. */
static void a_node_can_come_before_its_children(void **state)
{
	static const struct mf_trie_entry entries[] = {
		{ "ask", "v", 3, 1, 1 },
		{ "ate", "w", 3, 1, 2 },
		{ "on", "", 2, 0, 3 },
	};
	/* as it is in the file, but for the zeros of the 13 children that the root does not have */
	static const char *const hex[] = {
		"b007f457 00020001 2000000c",
		"61 6f 2000004a", /* 12, the root: children 'a' and 'o' */
		NULL,
		"c000006c",
		"73 74 c0000054 c0000060",     /* 74, "a": children 's' and 't' */
		"6b00 00000001 00000001 7600", /* 84, "ask" */
		"6500 00000001 00000002 7700", /* 96, "ate" */
		"6e00 00000001 00000003 00",   /* 108, "on" */
	};
	uint8_t expected[128] = { 0 };
	size_t at = 0;
	_cleanup_free_ void *buf = NULL;
	size_t len;

	assert_int_equal(mf_trie_write(entries, MF_ARRAY_SIZE(entries), &buf, &len), 0);
	assert_int_equal(mf_trie_parents_first(&buf, len), 0);
	for (size_t i = 0; i < MF_ARRAY_SIZE(hex); i++)
		at = hex[i] ? put_hex(expected, at, hex[i]) : at + (size_t)13 * 4;
	assert_int_equal(len, at);
	assert_memory_equal(buf, expected, len);
}

static int count_value(void *arg, const char *key, const char *value, uint32_t priority)
{
	uint64_t *sum = arg;

	/* in the order of the keys, whatever that of the nodes is */
	for (; *key; key++)
		*sum = *sum * 31 + (uint8_t)*key;
	*sum = *sum * 31 + priority;
	return 0;
}

static uint64_t sum_of(const void *buf, size_t len)
{
	struct mf_trie *trie;
	uint64_t sum = 0;

	assert_int_equal(mf_trie_new(buf, len, &trie), 0);
	assert_int_equal(mf_trie_walk(trie, count_value, &sum), 0);
	mf_trie_free(trie);
	return sum;
}

/* As deep as keys can be: no recursion. */
static void another_order_has_the_same_content(void **state)
{
	struct mf_trie_builder *builder;
	_cleanup_free_ void *buf = NULL;
	char key[MF_TRIE_KEY_MAX + 1] = "";
	uint64_t before;
	size_t len;

	assert_int_equal(mf_trie_builder_new(&builder), 0);
	for (uint32_t i = 0; i < MF_TRIE_KEY_MAX; i++) {
		key[i] = (char)('a' + i % 7);
		assert_int_equal(mf_trie_builder_add(builder, key, i % 3 ? "v" : "", i), 0);
	}
	assert_int_equal(mf_trie_builder_finish(builder, &buf, &len), 0);
	before = sum_of(buf, len);
	assert_int_equal(mf_trie_parents_first(&buf, len), 0);
	assert_true(sum_of(buf, len) == before);
	/* a second time nothing changes */
	assert_int_equal(mf_trie_parents_first(&buf, len), 0);
	assert_true(sum_of(buf, len) == before);
	mf_trie_builder_free(builder);
}

static void bytes_and_lengths_no_index_holds_are_refused(void **state)
{
	struct mf_trie_builder *builder;
	char key[MF_TRIE_KEY_MAX + 2];

	memset(key, 'k', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	assert_int_equal(mf_trie_builder_new(&builder), 0);
	assert_int_equal(mf_trie_builder_add(builder, "\x80", "v", 0), -EINVAL);
	assert_int_equal(mf_trie_builder_add(builder, "k", "\xff", 0), -EINVAL);
	assert_int_equal(mf_trie_builder_add(builder, key, "v", 0), -EINVAL);
	assert_int_equal(mf_trie_builder_add(builder, key + 1, "v", 0), 0);
	mf_trie_builder_free(builder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(depmods_indexes_come_out_byte_for_byte),
		UNIT(values_stand_in_order_of_priority_the_later_first),
		UNIT(a_node_can_come_before_its_children),
		UNIT(another_order_has_the_same_content),
		UNIT(an_empty_index_is_depmods_twelve_bytes),
		UNIT(bytes_and_lengths_no_index_holds_are_refused),
	};

	return UNIT_RUN(tests);
}

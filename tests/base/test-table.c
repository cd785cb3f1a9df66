/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many keys, and unusual keys. */
#include "tests/unit.h"
#include "modfetch/table.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void many_keys_are_kept_with_their_values(void **state)
{
	struct mf_table table = { 0 };
	struct mf_arena arena = { 0 };
	char name[32];

	for (uint32_t i = 0; i < 50000; i++) {
		int len = snprintf(name, sizeof(name), "key%u", i);
		const char *key = mf_arena_copy(&arena, name, (size_t)len);
		uint32_t *value;

		assert_int_equal(mf_table_put(&table, key, (size_t)len, i, &value), 1);
		assert_int_equal(*value, i);
	}
	assert_int_equal(table.n, 50000);
	for (uint32_t i = 0; i < 50000; i++) {
		int len = snprintf(name, sizeof(name), "key%u", i);
		uint32_t *value = mf_table_get(&table, name, (size_t)len);

		assert_non_null(value);
		assert_int_equal(*value, i);
	}
	assert_null(mf_table_get(&table, "key50000", 8));
	mf_table_done(&table);
	mf_arena_done(&arena);
}

static void a_key_that_is_there_keeps_its_value(void **state)
{
	struct mf_table table = { 0 };
	uint32_t *value;

	assert_int_equal(mf_table_put(&table, "a", 1, 1, &value), 1);
	assert_int_equal(mf_table_put(&table, "a", 1, 2, &value), 0);
	assert_int_equal(*value, 1);
	*value = 3;
	assert_int_equal(*mf_table_get(&table, "a", 1), 3);
	mf_table_done(&table);
	assert_null(mf_table_get(&table, "a", 1));
}

static void keys_are_bytes_with_a_length(void **state)
{
	struct mf_table table = { 0 };
	uint32_t *value;

	assert_int_equal(mf_table_put(&table, "", 0, 1, &value), 1);
	assert_int_equal(mf_table_put(&table, "x\0y", 3, 2, &value), 1);
	assert_int_equal(mf_table_put(&table, "x\0z", 3, 3, &value), 1);
	assert_int_equal(mf_table_put(&table, "x\0z", 1, 4, &value), 1);
	assert_int_equal(*mf_table_get(&table, "", 0), 1);
	assert_int_equal(*mf_table_get(&table, "x\0y", 3), 2);
	assert_int_equal(*mf_table_get(&table, "x\0z", 3), 3);
	assert_int_equal(*mf_table_get(&table, "x", 1), 4);
	mf_table_done(&table);
}

static void an_empty_table_has_nothing(void **state)
{
	struct mf_table table = { 0 };

	assert_null(mf_table_get(&table, "a", 1));
	assert_int_equal(mf_table_reserve(&table, 1000), 0);
	assert_null(mf_table_get(&table, "a", 1));
	mf_table_done(&table);
}

static void a_hash_depends_on_every_byte(void **state)
{
	char buf[100] = { 0 };
	uint64_t empty = mf_hash(buf, sizeof(buf));

	for (size_t i = 0; i < sizeof(buf); i++) {
		assert_true(mf_hash(buf, i) != empty);
		buf[i] = 1;
		assert_true(mf_hash(buf, sizeof(buf)) != empty);
		buf[i] = 0;
	}
	assert_true(mf_hash(buf, sizeof(buf)) == empty);
}

static void an_arena_gives_aligned_memory_of_any_size(void **state)
{
	struct mf_arena arena = { 0 };
	char *pieces[200];

	for (size_t i = 0; i < 200; i++) {
		size_t len = i * i * 7;

		pieces[i] = mf_arena_alloc(&arena, len);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
		memset(pieces[i], (int)i, len);
	}
	for (size_t i = 1; i < 200; i++)
		assert_true(pieces[i][0] == (char)i && pieces[i][i * i * 7 - 1] == (char)i);
	assert_null(mf_arena_alloc(&arena, SIZE_MAX - 3));
	mf_arena_done(&arena);
	assert_null(arena.chunk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(many_keys_are_kept_with_their_values),
		UNIT(a_key_that_is_there_keeps_its_value),
		UNIT(keys_are_bytes_with_a_length),
		UNIT(an_empty_table_has_nothing),
		UNIT(a_hash_depends_on_every_byte),
		UNIT(an_arena_gives_aligned_memory_of_any_size),
	};

	return UNIT_RUN(tests);
}

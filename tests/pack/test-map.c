/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Maps and lists of numbers. */
#include "tests/unit.h"
#include "src/pack/model.h"
#include <stdio.h>

#define MANY 20000

static void a_map_gives_back_what_was_set_last(void **state)
{
	static char keys[MANY][16];
	struct pack_map map = { 0 };

	assert_int_equal(pack_map_get(&map, "anything"), PACK_NONE);
	for (size_t i = 0; i < MANY; i++) {
		snprintf(keys[i], sizeof(keys[i]), "key%zu", i);
		assert_int_equal(pack_map_set(&map, keys[i], i), 0);
	}
	assert_int_equal(map.table.n, MANY);
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(pack_map_get(&map, keys[i]), i);
	assert_int_equal(pack_map_set(&map, "key7", 1), 0);
	assert_int_equal(pack_map_get(&map, keys[7]), 1);
	assert_int_equal(map.table.n, MANY);
	assert_int_equal(pack_map_get(&map, "key"), PACK_NONE);
	assert_int_equal(pack_map_get(&map, ""), PACK_NONE);
	pack_map_done(&map);
	assert_int_equal(pack_map_get(&map, "key7"), PACK_NONE);
}

static void a_list_is_sorted_and_loses_what_is_twice(void **state)
{
	static const size_t in[] = { 5, 1, 5, 9, 1, 1, 0 }, out[] = { 0, 1, 5, 9 };
	struct pack_list list = { 0 };

	pack_list_unique(&list);
	assert_false(pack_list_has(&list, 0));
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(pack_list_add(&list, in[i]), 0);
	pack_list_unique(&list);
	assert_int_equal(list.n, 4);
	assert_memory_equal(list.v, out, sizeof(out));
	assert_true(pack_list_has(&list, 9));
	assert_false(pack_list_has(&list, 2));
	pack_list_done(&list);
	assert_int_equal(list.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_map_gives_back_what_was_set_last),
		UNIT(a_list_is_sorted_and_loses_what_is_twice),
	};

	return UNIT_RUN(tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The capacity of arrays: how it grows, and that a failure changes nothing. */
#include "tests/unit.h"
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include "modfetch/array.h"

static void room_is_made_when_it_is_needed(void **state)
{
	int *v = NULL;
	size_t room = 0;

	(void)state;
	assert_int_equal(mf_array_reserve(&v, &room, 0, sizeof(*v)), 0);
	assert_null(v);
	for (size_t n = 0; n < 1000; n++) {
		size_t before = room;

		assert_int_equal(mf_array_reserve(&v, &room, n + 1, sizeof(*v)), 0);
		assert_true(room > n);
		/* it doubles, or is unchanged */
		assert_true(room == before || room >= 2 * before);
		v[n] = (int)n;
	}
	for (size_t n = 0; n < 1000; n++)
		assert_int_equal(v[n], (int)n);
	assert_int_equal(mf_array_reserve(&v, &room, 5000, sizeof(*v)), 0);
	assert_true(room >= 5000);
	assert_int_equal(v[999], 999);
	free(v);
}

static void what_does_not_fit_changes_nothing(void **state)
{
	int *v = NULL, *before;
	size_t room = 0, room_before;

	(void)state;
	assert_int_equal(mf_array_reserve(&v, &room, 3, sizeof(*v)), 0);
	before = v;
	room_before = room;
	assert_int_equal(mf_array_reserve(&v, &room, SIZE_MAX, sizeof(*v)), -ENOMEM);
	assert_int_equal(mf_array_reserve(&v, &room, SIZE_MAX / 4, sizeof(*v)), -ENOMEM);
	assert_ptr_equal(v, before);
	assert_int_equal(room, room_before);
	free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(room_is_made_when_it_is_needed),
		cmocka_unit_test(what_does_not_fit_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

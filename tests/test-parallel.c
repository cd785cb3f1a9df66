/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every item is worked on once, whatever the number of threads. */
#include "tests/unit.h"
#include "src/pack/model.h"
#include <stdatomic.h>

#define ITEMS 1000

static void count(void *arg, size_t i)
{
	atomic_int *seen = arg;

	atomic_fetch_add(&seen[i], 1);
}

static void each_item_is_worked_on_once(void **state)
{
	static const unsigned int jobs[] = { 1, 2, 7, 64 };

	for (size_t j = 0; j < sizeof(jobs) / sizeof(*jobs); j++) {
		atomic_int seen[ITEMS] = { 0 };

		assert_int_equal(pack_parallel(jobs[j], ITEMS, count, seen), 0);
		for (size_t i = 0; i < ITEMS; i++)
			assert_int_equal(seen[i], 1);
	}
}

static void nothing_to_do_is_done(void **state)
{
	assert_int_equal(pack_parallel(4, 0, count, NULL), 0);
}

static void more_jobs_than_items_harm_nobody(void **state)
{
	atomic_int seen[2] = { 0 };

	assert_int_equal(pack_parallel(16, 2, count, seen), 0);
	assert_int_equal(seen[0] + seen[1], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(each_item_is_worked_on_once),
		UNIT(nothing_to_do_is_done),
		UNIT(more_jobs_than_items_harm_nobody),
	};

	return UNIT_RUN(tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much of a file system stays free. What is fetched and kept: tests/road/prefetch.py. */
#include "tests/unit.h"
#include <stdint.h>
#include "src/prefetch/wanted.h"

static void a_tenth_or_a_gigabyte_stays_free(void **state)
{
	assert_int_equal(prefetch_reserve(0), 0);
	assert_int_equal(prefetch_reserve(1000), 100);
	assert_int_equal(prefetch_reserve(10ULL << 30), 1ULL << 30);
	assert_int_equal(prefetch_reserve(UINT64_MAX), 1ULL << 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_tenth_or_a_gigabyte_stays_free) };

	return UNIT_RUN(tests);
}

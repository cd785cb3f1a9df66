/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When the clock is used and when not; the rest of trust.c is tested with whole repositories,
 * road/trust.py. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include "modfetch/trust.h"

#define DAY	86400LL
#define YEAR	(365 * DAY)
#define SIGNED	1780272000LL /* 2026-06-01 */
#define IN_1970 86400LL
#define IN_2099 4070908800LL

static void a_plausible_clock_gives_the_age(void **state)
{
	assert_int_equal(mf_trust_seconds_since(SIGNED, SIGNED), 0);
	assert_int_equal(mf_trust_seconds_since(SIGNED, SIGNED + 15 * DAY), 15 * DAY);
	assert_int_equal(mf_trust_seconds_since(SIGNED, SIGNED + 10 * YEAR), 10 * YEAR);
	/* a signature older than this program, with a clock of today */
	assert_int_equal(mf_trust_seconds_since(SIGNED - 20 * YEAR, SIGNED), 20 * YEAR);
}

static void a_clock_that_is_not_set_tells_nothing(void **state)
{
	static const int64_t clocks[] = {
		0, IN_1970, SIGNED - 1, SIGNED - YEAR, IN_2099, SIGNED + 16 * YEAR, INT64_MAX, -1
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(clocks); i++)
		assert_int_equal(mf_trust_seconds_since(SIGNED, clocks[i]), -1);
	/* before this program was written, with any signing time */
	assert_int_equal(mf_trust_seconds_since(SIGNED - 20 * YEAR, SIGNED - 19 * YEAR), -1);
	assert_int_equal(mf_trust_seconds_since(SIGNED - 20 * YEAR, IN_2099), -1);
}

static void a_time_far_in_the_future_does_not_overflow(void **state)
{
	assert_int_equal(mf_trust_seconds_since(INT64_MAX, INT64_MAX), 0);
	assert_int_equal(mf_trust_seconds_since(INT64_MAX, 0), -1);
	assert_int_equal(mf_trust_seconds_since(0, INT64_MAX), -1);
}

static void the_future_depends_on_the_quality_of_the_clock(void **state)
{
	assert_false(mf_trust_is_ahead(SIGNED, SIGNED, true));
	assert_false(mf_trust_is_ahead(SIGNED + DAY, SIGNED, true));
	assert_true(mf_trust_is_ahead(SIGNED + DAY + 1, SIGNED, true));
	/* an unsynchronized clock may be slow because of an empty battery */
	assert_false(mf_trust_is_ahead(SIGNED + YEAR, SIGNED, false));
	assert_true(mf_trust_is_ahead(SIGNED + YEAR + 1, SIGNED, false));
	assert_true(mf_trust_is_ahead(INT64_MAX, SIGNED, true));
	/* and a clock before the time this program was written is not set */
	assert_false(mf_trust_is_ahead(SIGNED, IN_1970, true));
	assert_false(mf_trust_is_ahead(INT64_MAX, IN_1970, true));
	assert_false(mf_trust_is_ahead(SIGNED, IN_2099, true));
}

static void a_revision_is_a_count_or_a_past_time(void **state)
{
	static const char *const senseless[] = { "",
						 "x",
						 "-1",
						 " 7",
						 "+7",
						 "7x",
						 "1.5",
						 "2026-11",
						 "18446744073709551616",
						 "18446744073709551615" };

	assert_int_equal(mf_trust_revision("0", SIGNED), 0);
	assert_int_equal(mf_trust_revision("7", SIGNED), 7);
	assert_int_equal(mf_trust_revision("1780272000", SIGNED), SIGNED);
	assert_int_equal(mf_trust_revision("1780358400", SIGNED), SIGNED + DAY);
	assert_int_equal(mf_trust_revision("1780358401", SIGNED), 0);
	for (size_t i = 0; i < MF_ARRAY_SIZE(senseless); i++)
		assert_int_equal(mf_trust_revision(senseless[i], SIGNED), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_plausible_clock_gives_the_age),
		UNIT(a_clock_that_is_not_set_tells_nothing),
		UNIT(a_time_far_in_the_future_does_not_overflow),
		UNIT(the_future_depends_on_the_quality_of_the_clock),
		UNIT(a_revision_is_a_count_or_a_past_time),
	};

	return UNIT_RUN(tests);
}

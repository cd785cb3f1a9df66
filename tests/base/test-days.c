/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Days as numbers and as text. */
#include "tests/unit.h"
#include <string.h>
#include <time.h>
#include "modfetch/days.h"

static void a_day_has_one_text(void **state)
{
	static const struct {
		long day;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01" },	 { 1, "1970-01-02" },	  { 19782, "2024-02-29" },
		{ 20454, "2026-01-01" }, { 20787, "2026-11-30" }, { 47481, "2099-12-31" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[MF_DAY_TEXT];
		long day = -7;

		mf_day_format(rows[i].day, text);
		assert_string_equal(text, rows[i].text);
		assert_true(mf_day_parse(text, &day));
		assert_int_equal(day, rows[i].day);
	}
}

static void other_texts_are_no_days(void **state)
{
	static const char *const texts[] = {
		"",
		"2026",
		"2026-11",
		"2026-11-31",
		"2026-02-29",
		"2026-13-01",
		"2026-1-1",
		"2026-11-30 ",
		" 2026-11-30",
		"1969-12-31",
		"0000-00-00",
		"+026-11-30",
		"2026-11-30x",
		"20261130",
		"-",
		"12026-11-30",
	};
	long day = -7;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_false(mf_day_parse(texts[i], &day));
		assert_int_equal(day, -7);
	}
}

static void today_is_the_day_of_the_clock(void **state)
{
	char text[MF_DAY_TEXT], want[MF_DAY_TEXT];
	time_t now = time(NULL);
	struct tm tm;

	mf_day_format(mf_day_today(), text);
	strftime(want, sizeof(want), "%F", gmtime_r(&now, &tm));
	assert_string_equal(text, want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_day_has_one_text),
		UNIT(other_texts_are_no_days),
		UNIT(today_is_the_day_of_the_clock),
	};

	return UNIT_RUN(tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values for the network in .repo files. */
#include "tests/unit.h"
#include "modfetch/access.h"
#include "modfetch/array.h"
#include "src/repo/values.h"

static void seconds_have_units(void **state)
{
	static const struct {
		const char *text;
		long seconds; /* -1: refused */
	} cases[] = {
		{ "30", 30 },	 { "30s", 30 }, { "5m", 300 }, { "1.5h", 5400 }, { "2D", 172800 },
		{ "0", 0 },	 { "", -1 },	{ "-1", -1 },  { "never", -1 },	 { "5 m", -1 },
		{ "5mm", -1 },	 { "inf", -1 }, { "nan", -1 }, { "0x10", -1 },	 { "400d", -1 },
		{ "1e300", -1 }, { "5k", -1 },	{ "+5", -1 },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		unsigned int got = 77;

		print_message("%s\n", cases[i].text);
		assert_int_equal(repo_value_seconds(cases[i].text, &got), cases[i].seconds >= 0);
		assert_int_equal(got, cases[i].seconds >= 0 ? cases[i].seconds : 77);
	}
}

static void bytes_have_units(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} cases[] = {
		{ "1000", 1000 }, { "64k", 65536 }, { "1.5M", 3 << 19 }, { "1G", 1 << 30 },
		{ "50%", -1 },	  { "k", -1 },	    { "1kb", -1 },	 { "99999999G", -1 },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		uint64_t got = 77;

		print_message("%s\n", cases[i].text);
		assert_int_equal(repo_value_bytes(cases[i].text, &got), cases[i].bytes >= 0);
		assert_int_equal(got, cases[i].bytes >= 0 ? cases[i].bytes : 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(seconds_have_units),
		UNIT(bytes_have_units),
	};

	return UNIT_RUN(tests);
}

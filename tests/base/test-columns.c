/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The columns of texts, and texts made to fit. */
#include "tests/unit.h"
#include <stdlib.h>
#include <string.h>
#include "modfetch/columns.h"

static void wide_and_combining_characters_are_counted_as_a_terminal_shows_them(void **state)
{
	assert_int_equal(mf_text_columns(""), 0);
	assert_int_equal(mf_text_columns("e1000e"), 6);
	assert_int_equal(mf_text_columns("Größe…"), 6);
	assert_int_equal(mf_text_columns("漢字"), 4);
	assert_int_equal(mf_text_columns("🐧"), 2);
	assert_int_equal(mf_text_columns("e\xcc\x81"), 1); /* e and an acute accent */
	assert_int_equal(mf_text_columns("\xff\xfe!"), 3);
}

static void assert_fit(const char *text, size_t columns, const char *expected)
{
	char *fit = mf_text_fit(text, columns);

	assert_string_equal(fit, expected);
	assert_true(mf_text_columns(fit) <= columns);
	free(fit);
}

static void a_long_text_ends_in_an_ellipsis_and_no_character_is_cut(void **state)
{
	assert_fit("short", 5, "short");
	assert_fit("longer", 5, "long…");
	assert_fit("Größe der Datei", 6, "Größe…");
	assert_fit("漢字漢字", 8, "漢字漢字");
	assert_fit("漢字漢字", 7, "漢字漢…");
	assert_fit("漢字漢字", 6, "漢字…");
	assert_fit("漢", 1, "…");
	assert_fit("x", 0, "");
	/* an accent stays with its letter, or both go */
	assert_fit("abe\xcc\x81xyz", 4, "abe\xcc\x81…");
	assert_fit("abe\xcc\x81xyz", 3, "ab…");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(wide_and_combining_characters_are_counted_as_a_terminal_shows_them),
		UNIT(a_long_text_ends_in_an_ellipsis_and_no_character_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

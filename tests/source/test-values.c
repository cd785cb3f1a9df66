/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Variables by name and index, their bounds, and texts for a shell. */
#include "tests/unit.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "src/source/values.h"

static int set(struct values *values, const char *name, unsigned int index, const char *text)
{
	return source_values_set(values, name, index, strdup(text), false, 1);
}

static void a_value_is_found_by_name_and_index(void **state)
{
	struct values values = { 0 };

	assert_int_equal(set(&values, "A", 0, "a"), 0);
	assert_int_equal(set(&values, "A", 7, "b"), 0);
	assert_int_equal(set(&values, "AB", 0, "c"), 0);
	assert_int_equal(set(&values, "A", 0, "d"), 0);
	assert_string_equal(source_values_text(&values, "A", 0), "d");
	assert_string_equal(source_values_text(&values, "A", 7), "b");
	assert_string_equal(source_values_text(&values, "A", 1), "");
	assert_null(source_values_find(&values, "B", 0));
	assert_int_equal(source_values_count(&values, "A"), 2);
	assert_int_equal(values.n, 3);
	source_values_done(&values);
}

static void the_bytes_of_all_values_are_bounded(void **state)
{
	static char large[TEXT_MAX];
	struct values values = { 0 };
	unsigned int n = 0;

	memset(large, 'x', sizeof(large) - 1);
	while (set(&values, "A", n, large) == 0 && n < 100)
		n++;
	assert_int_equal(n, ALL_TEXTS_MAX / (sizeof(large) - 1));
	assert_int_equal(set(&values, "A", n, large), -E2BIG);
	/* a shorter value in place of a long one makes room */
	assert_int_equal(set(&values, "A", 0, ""), 0);
	assert_int_equal(set(&values, "A", n, large), 0);
	source_values_done(&values);
}

static void the_number_of_values_is_bounded(void **state)
{
	struct values values = { 0 };
	int r = 0;
	size_t n = 0;

	for (; r == 0 && n < 2 * VALUES_MAX; n++)
		r = set(&values, "A", (unsigned int)n, "");
	assert_int_equal(r, -E2BIG);
	assert_int_equal(n, VALUES_MAX + 1);
	source_values_done(&values);
}

static void a_text_is_escaped_for_double_quotes_or_one_word(void **state)
{
	struct text text = { 0 };

	assert_int_equal(source_text_add_escaped(&text, "a$`\"\\'b", 7), 0);
	assert_string_equal(text.v, "a\\$\\`\\\"\\\\'b");
	assert_int_equal(source_text_add_quoted(&text, "c'$d"), 0);
	assert_string_equal(text.v + 11, "'c'\\''$d'");
	source_text_done(&text);
}

static void the_bytes_of_a_text_are_bounded(void **state)
{
	static char large[TEXT_MAX];
	struct text text = { 0 };

	assert_int_equal(source_text_add(&text, large, sizeof(large)), 0);
	assert_int_equal(source_text_add(&text, "x", 1), -E2BIG);
	source_text_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_value_is_found_by_name_and_index),
		UNIT(the_bytes_of_all_values_are_bounded),
		UNIT(the_number_of_values_is_bounded),
		UNIT(a_text_is_escaped_for_double_quotes_or_one_word),
		UNIT(the_bytes_of_a_text_are_bounded),
	};

	return UNIT_RUN(tests);
}

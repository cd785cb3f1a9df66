/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where an expansion ends, and that hostile nesting ends too. */
#include "tests/unit.h"
#include <string.h>
#include "src/source/expansion.h"

/* The expansion at the beginning of TEXT has N bytes. */
static void ends(const char *text, size_t n)
{
	size_t found = source_expansion_length(text, strlen(text));

	if (found != n)
		fail_msg("%s: %zu instead of %zu", text, found, n);
}

static void quotes_and_parentheses_are_paired(void **state)
{
	ends("$(a)b", 4);
	ends("$((1+(2)))b", 10);
	ends("${a:-b}c", 7);
	ends("`a`b", 3);
	ends("$(a \")\" b)c", 10);
	ends("$(a ')' b)c", 10);
	ends("$(a \"$(b)\" \"'\")c", 15);
	ends("${a:-\"}\"}b", 9);
	ends("${a:-$(b `c`)}d", 14);
	ends("`a \\` b`c", 8);
	ends("$(a \\) b)c", 9);
	ends("$(a (b) c)d", 10);
}

static void one_without_an_end_has_no_length(void **state)
{
	ends("$(a", 0);
	ends("${a", 0);
	ends("`a", 0);
	ends("$(a\\", 0);
	ends("$(\"a)", 0);
	ends("$(a')", 0);
	ends("a", 0);
}

static void it_is_as_deep_as_its_stack_at_most(void **state)
{
	char text[256];

	for (size_t n = 31; n <= 33; n++) {
		for (size_t i = 0; i < n; i++)
			memcpy(text + 2 * i, "$(", 2);
		memset(text + 2 * n, ')', n);
		text[3 * n] = '\0';
		ends(text, n <= 32 ? 3 * n : 0);
	}
}

static void a_name_begins_with_no_digit(void **state)
{
	assert_int_equal(source_variable_length("aB_9-", 5), 4);
	assert_int_equal(source_variable_length("9a", 2), 0);
	assert_int_equal(source_variable_length("abc", 2), 2);
	assert_int_equal(source_variable_length("", 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(quotes_and_parentheses_are_paired),
		UNIT(one_without_an_end_has_no_length),
		UNIT(it_is_as_deep_as_its_stack_at_most),
		UNIT(a_name_begins_with_no_digit),
	};

	return UNIT_RUN(tests);
}

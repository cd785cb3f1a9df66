/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pairs in lines of udev's rules. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "src/event/udev-pair.h"

/* Each pair as "KEY{attribute}=value", with '!' and '~' for != and other operators, then 0 or -errno. */
static const char *pairs(const char *text)
{
	static char output[500];
	char copy[500], *line = copy;
	struct mf_udev_pair p;
	int r;

	snprintf(copy, sizeof(copy), "%s", text);
	*output = '\0';
	while ((r = mf_udev_pair_next(&line, &p)) > 0)
		snprintf(output + strlen(output), sizeof(output) - strlen(output),
			 "%s%s%s%s%c%s%s;", p.key, p.attribute ? "{" : "",
			 p.attribute ? p.attribute : "", p.attribute ? "}" : "",
			 p.negated ? '!'
			 : p.match ? '='
				   : '~',
			 p.ignore_case ? "i:" : "", p.value);
	assert_true(r == 0 || r == -EBADMSG);
	return r ? "bad" : output;
}

static void pairs_are_parted_by_commas_and_blanks(void **state)
{
	assert_string_equal(pairs(""), "");
	assert_string_equal(pairs(" , "), "");
	assert_string_equal(pairs("A==\"1\", B!=\"2\",C=\"3\" D{x y}+=\"4\"\tE-=\"5\",, F:=\"6\""),
			    "A=1;B!2;C~3;D{x y}~4;E~5;F~6;");
	assert_string_equal(pairs("A {b} ==  \"1\""), "bad");
	assert_string_equal(pairs("A{b} ==  \"\""), "A{b}=;");
	assert_string_equal(pairs("A==\"1\"B==\"2\""), "A=1;B=2;");
}

static void what_is_no_pair_is_told(void **state)
{
	static const char *const texts[] = { "A",
					     "A==",
					     "A==1",
					     "A==\"1",
					     "==\"1\"",
					     "A{b==\"1\"",
					     "A<\"1\"",
					     "A==x\"1\"",
					     "A==\"1\\\"",
					     "A==e\"\\q\"",
					     "A==e\"\\x0\"",
					     "A==e\"\\000\"",
					     "A==e\"\\777\"" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(texts); i++)
		assert_string_equal(pairs(texts[i]), "bad");
}

static void values_are_unquoted(void **state)
{
	assert_string_equal(pairs("A==\"a\\\"b\\n\""), "A=a\"b\\n;");
	assert_string_equal(pairs("A==e\"a\\\"b\\tc\\x41\\101\\\\\""), "A=a\"b\tcAA\\;");
	assert_string_equal(pairs("A==i\"Ab\""), "A=i:Ab;");
	assert_string_equal(pairs("A==ie\"A\\x62\""), "A=i:Ab;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(pairs_are_parted_by_commas_and_blanks),
		UNIT(what_is_no_pair_is_told),
		UNIT(values_are_unquoted),
	};

	return UNIT_RUN(tests);
}

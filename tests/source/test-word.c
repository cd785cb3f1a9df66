/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Words of a shell: quotes, backslashes, variables, and what is left to a shell. With bash:
 * oracle.py.
 */
#include "tests/unit.h"
#include <string.h>
#include "modfetch/error.h"
#include "src/source/word.h"

/* WRITTEN is read as TEXT, which is for a shell or not, and REST is left. */
static void reads(const char *written, const char *text, bool shell, const char *rest)
{
	struct values values = { 0 };
	struct cursor cursor = { written, written + strlen(written), 1 };
	struct word word = { 0 };
	const char *why = NULL;

	assert_int_equal(source_values_set(&values, "a", 0, strdup("A$"), false, 1), 0);
	assert_int_equal(source_values_set(&values, "s", 0, strdup("$(x)"), true, 1), 0);
	assert_int_equal(source_word_read(&cursor, &values, &word, &why), 0);
	assert_string_equal(word.text.v, text);
	assert_int_equal(word.shell, shell);
	assert_string_equal(cursor.p, rest);
	source_word_done(&word);
	source_values_done(&values);
}

static void refuses(const char *written, const char *reason)
{
	struct values values = { 0 };
	struct cursor cursor = { written, written + strlen(written), 1 };
	struct word word = { 0 };
	const char *why = NULL;

	assert_int_equal(source_word_read(&cursor, &values, &word, &why), -MFE_SOURCE);
	if (!strstr(why, reason))
		fail_msg("%s: %s", written, why);
	source_word_done(&word);
}

static void quotes_are_removed(void **state)
{
	reads("a'b c'\"d e\"\\ f g", "ab cd e f", false, " g");
	reads("\"a\\$b\\c\\\"\\\\\"", "a$b\\c\"\\", false, "");
	reads("'a\\b'", "a\\b", false, "");
	reads("a\\\nb;c", "ab", false, ";c");
	reads("\"a\\\nb\nc\"\n", "ab\nc", false, "\n");
	reads("a#b #c", "a#b", false, " #c");
	reads("$ \"b$\"", "$", false, " \"b$\"");
}

static void known_variables_are_replaced(void **state)
{
	reads("$a-${a}b'$a'\"$a\"", "A$-A$b$aA$", false, "");
	reads("\\$a", "$a", false, "");
}

static void expansions_are_kept_and_all_else_is_escaped(void **state)
{
	reads("'$'\"$a\\\"\"$(b \"c\")", "\\$A\\$\\\"$(b \"c\")", true, "");
	reads("$b\"c\"", "${b}c", true, "");
	reads("\"${b:-'c'}\"", "${b:-'c'}", true, "");
	reads("`b c`d", "`b c`d", true, "");
}

static void a_variable_for_a_shell_stays_a_variable(void **state)
{
	reads("$s", "${s}", true, "");
	reads("\"a${s}\"", "a${s}", true, "");
}

static void what_needs_a_shell_is_refused(void **state)
{
	static const char *const shell[] = { "~/a",  "a|b",    "a&",   "a>b", "a<b", "(a)", "a)",
					     "$'a'", "$\"a\"", "a$1b", "$$",  "$?",  "$@",  "$-" };

	for (size_t i = 0; i < sizeof(shell) / sizeof(*shell); i++)
		refuses(shell[i], "only a shell");
	refuses("'a", "quote has no end");
	refuses("\"a", "quote has no end");
	refuses("\"a\\\"", "quote has no end");
	refuses("a\\", "ends with a backslash");
	refuses("$(a", "has no end");
	refuses("${a:-'b'}", "quotes in an expansion");
	refuses("`a \\\"`", "quotes in an expansion");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(quotes_are_removed),
		UNIT(known_variables_are_replaced),
		UNIT(expansions_are_kept_and_all_else_is_escaped),
		UNIT(a_variable_for_a_shell_stays_a_variable),
		UNIT(what_needs_a_shell_is_refused),
	};

	return UNIT_RUN(tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text is one line of valid JSON in UTF-8 for any input; parsed values have types. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/json.h"
#include "modfetch/strings.h"

static void values_come_out_as_they_went_in(void **state)
{
	struct mf_strings list = { 0 };
	struct mf_json *o = mf_json_object(), *a = mf_json_array(), *inner = mf_json_object();

	mf_json_set_string(o, "s", "a\"b\\c/d\n");
	mf_json_set_string(o, "none", NULL);
	mf_json_set_int(o, "n", INT64_MAX);
	mf_json_set_int(o, "m", INT64_MIN);
	mf_json_set_bool(o, "b", true);
	assert_int_equal(mf_strings_add(&list, "one"), 0);
	assert_int_equal(mf_strings_add(&list, "two"), 0);
	mf_json_set_strings(o, "list", &list);
	mf_json_add_string(a, "x");
	mf_json_add(a, inner);
	mf_json_set(o, "a", a);
	assert_string_equal(mf_json_text(o, false),
			    "{\"s\":\"a\\\"b\\\\c/d\\n\",\"none\":null,\"n\":9223372036854775807,"
			    "\"m\":-9223372036854775808,\"b\":true,\"list\":[\"one\",\"two\"],"
			    "\"a\":[\"x\",{}]}");
	/* a value that is set again replaces the first */
	mf_json_set_int(o, "s", 1);
	assert_int_equal(mf_json_get_int(o, "s"), 1);
	mf_json_free(o);
	mf_strings_done(&list);
}

static void check_bytes(const char *in, const char *want)
{
	struct mf_json *a = mf_json_array();

	mf_json_add_string(a, in);
	assert_string_equal(mf_json_string_at(a, 0), want);
	mf_json_free(a);
}

static void bytes_that_are_no_text_become_question_marks(void **state)
{
	check_bytes("plain", "plain");
	check_bytes("\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80",
		    "\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80");
	check_bytes("\xff\xfe", "??");
	check_bytes("a\x80z", "a?z");
	/* cut off */
	check_bytes("\xc3", "?");
	check_bytes("\xe2\x82", "??");
	check_bytes("\xf0\x9f\x98", "???");
	/* overlong, surrogates, beyond the end of Unicode */
	check_bytes("\xc0\xaf", "??");
	check_bytes("\xe0\x80\xaf", "???");
	check_bytes("\xf0\x80\x80\xaf", "????");
	check_bytes("\xed\xa0\x80", "???");
	check_bytes("\xed\xbf\xbf", "???");
	check_bytes("\xf4\x90\x80\x80", "????");
	check_bytes("\xf5\x80\x80\x80", "????");
	/* the last valid ones */
	check_bytes("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\xe0\xa0\x80\xf0\x90\x80\x80",
		    "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\xe0\xa0\x80\xf0\x90\x80\x80");
}

static void what_a_terminal_obeys_is_written_as_an_escape(void **state)
{
	static const struct {
		const char *in, *text;
	} cases[] = {
		{ "\xc3\xa4 \xe2\x82\xac", "\xc3\xa4 \xe2\x82\xac" },
		{ "\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", "\\u0080\\u009b\\u009f\xc2\xa0" },
		{ "\x1b[0m\x7f\r", "\\u001b[0m\\u007f\\r" },
		{ "\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8e", "\\u202e\\u2066\\u200e" },
		{ "\xd8\x9c\xe2\x80\xa8\xef\xbb\xbf", "\\u061c\\u2028\\ufeff" },
		{ "\xf3\xa0\x80\x81\xf0\x9f\x90\xa7", "\\udb40\\udc01\xf0\x9f\x90\xa7" },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		struct mf_json *o = mf_json_object(), *back;
		char want[128];

		mf_json_set_string(o, "k", cases[i].in);
		snprintf(want, sizeof(want), "{\"k\":\"%s\"}", cases[i].text);
		assert_string_equal(mf_json_text(o, false), want);
		/* a second time; a reader gets the original characters */
		assert_string_equal(mf_json_text(o, false), want);
		back = mf_json_parse(want);
		assert_string_equal(mf_json_get_string(back, "k"), cases[i].in);
		assert_string_equal(mf_json_text(back, false), want);
		/* values added later are in the next text */
		mf_json_set_bool(o, "b", true);
		assert_non_null(strstr(mf_json_text(o, true), "\"b\": true"));
		mf_json_free(o);
		mf_json_free(back);
	}
}

static void every_byte_makes_a_line_that_can_be_read_again(void **state)
{
	for (int c = 1; c < 256; c++) {
		const char s[] = { '<', (char)c, '>', '\0' };
		struct mf_json *o = mf_json_object(), *back;
		const char *text;

		mf_json_set_string(o, "k", s);
		text = mf_json_text(o, false);
		assert_null(strchr(text, '\n'));
		back = mf_json_parse(text);
		assert_non_null(back);
		assert_string_equal(mf_json_get_string(back, "k"), mf_json_get_string(o, "k"));
		mf_json_free(back);
		mf_json_free(o);
	}
}

static void reading_is_strict_and_bounded(void **state)
{
	char deep[200];
	static const char *const bad[] = { "", "{", "{\"a\":}", "[1,2", "\"open", "nope" };
	struct mf_json *o;

	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++)
		assert_null(mf_json_parse(bad[i]));
	memset(deep, '[', 100);
	memset(deep + 100, ']', 99);
	deep[199] = '\0';
	assert_null(mf_json_parse(deep));
	o = mf_json_parse("{\"n\":5,\"s\":\"x\",\"l\":[\"a\",7]}");
	assert_non_null(o);
	assert_int_equal(mf_json_get_int(o, "n"), 5);
	assert_int_equal(mf_json_get_int(o, "s"), 0);
	assert_int_equal(mf_json_get_int(o, "none"), 0);
	assert_null(mf_json_get_string(o, "n"));
	assert_null(mf_json_get_string(o, "none"));
	assert_null(mf_json_get(o, "none"));
	assert_int_equal(mf_json_length(mf_json_get(o, "l")), 2);
	assert_int_equal(mf_json_length(mf_json_get(o, "n")), 0);
	assert_int_equal(mf_json_length(NULL), 0);
	assert_string_equal(mf_json_string_at(mf_json_get(o, "l"), 0), "a");
	assert_null(mf_json_string_at(mf_json_get(o, "l"), 1));
	assert_null(mf_json_string_at(mf_json_get(o, "l"), 9));
	mf_json_free(o);
}

/* Records come from a file that may be damaged. */
static void asking_what_is_no_object_is_answered(void **state)
{
	struct mf_json *a = mf_json_parse("[1]");

	assert_non_null(a);
	assert_null(mf_json_get(a, "x"));
	assert_null(mf_json_get_string(a, "x"));
	assert_int_equal(mf_json_get_int(a, "x"), 0);
	assert_null(mf_json_get(NULL, "x"));
	mf_json_free(a);
	/* neither object nor array */
	assert_null(mf_json_parse("7"));
	assert_null(mf_json_parse("null"));
	assert_null(mf_json_parse("{} trailing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(values_come_out_as_they_went_in),
		UNIT(bytes_that_are_no_text_become_question_marks),
		UNIT(what_a_terminal_obeys_is_written_as_an_escape),
		UNIT(every_byte_makes_a_line_that_can_be_read_again),
		UNIT(reading_is_strict_and_bounded),
		UNIT(asking_what_is_no_object_is_answered),
	};

	return UNIT_RUN(tests);
}

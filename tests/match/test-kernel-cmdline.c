/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tests the parser of the kernel command line, against next_arg() of lib/cmdline.c and parse_args()
 * of kernel/params.c.
 */
#include <stdio.h>
#include <string.h>
#include "tests/unit.h"
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "src/match/kernel-cmdline.h"

static int on_parameter(void *arg, const char *key, const char *value)
{
	char *text = arg;
	size_t len = strlen(text);

	snprintf(text + len, 400 - len, "%s{%s}%s%s%s", len ? " " : "", key, value ? "={" : "",
		 value ? value : "", value ? "}" : "");
	return strcmp(key, "stop") ? 0 : 7;
}

static void a_line_is_parsed_as_the_kernel_does(void **state)
{
	static const struct {
		const char *line, *is;
	} cases[] = {
		{ "", "" },
		{ " \t\n", "" },
		{ "quiet", "{quiet}" },
		{ "a=1 b c=\n", "{a}={1} {b} {c}={}" },
		{ "a=1\tb=2\nc=3\vd=4\fe=5\rf=6\xa0g=7",
		  "{a}={1} {b}={2} {c}={3} {d}={4} {e}={5} {f}={6} {g}={7}" },
		{ "a=b=c", "{a}={b=c}" },
		{ "=a", "{=a}" },
		{ "a=\"x y\" b", "{a}={x y} {b}" },
		{ "\"a=x y\" b", "{a}={x y} {b}" },
		{ "a=x\"y z\" b", "{a}={x\"y z\"} {b}" },
		{ "\"a b=c\"", "{a b}={c}" },
		{ "a=\"x y", "{a}={x y}" },
		{ "a=\"", "{a}={}" },
		{ "\"", "{}" },
		{ "\"\" b", "{} {b}" },
		{ "a=\"\" b", "{a}={} {b}" },
		{ "a -- b", "{a}" },
		{ "a --b=1 -- c", "{a} {--b}={1}" },
		{ "a --=1 b", "{a} {--}={1} {b}" },
		{ "a stop b", "{a} {stop}" },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *line = strdup(cases[i].line);
		char is[400] = "";

		assert_int_equal(mf_cmdline_each(line, on_parameter, is),
				 strstr(cases[i].line, "stop") ? 7 : 0);
		assert_string_equal(is, cases[i].is);
	}
}

static void dashes_and_underscores_are_the_same_in_names(void **state)
{
	assert_true(mf_cmdline_is("module_blacklist", "module_blacklist"));
	assert_true(mf_cmdline_is("module-blacklist", "module_blacklist"));
	assert_false(mf_cmdline_is("module_blacklis", "module_blacklist"));
	assert_false(mf_cmdline_is("module_blacklists", "module_blacklist"));
	assert_false(mf_cmdline_is("Module_blacklist", "module_blacklist"));
	assert_false(mf_cmdline_is("", "module_blacklist"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_parsed_as_the_kernel_does),
		cmocka_unit_test(dashes_and_underscores_are_the_same_in_names),
	};

	return UNIT_RUN(tests);
}

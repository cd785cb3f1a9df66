/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which files are assignments alone, and the line of the first text that is none. */
#include "tests/unit.h"
#include <stdlib.h>
#include <string.h>
#include "modfetch/error.h"
#include "src/source/conf.h"

static void assignments_are_read_in_their_order(void **state)
{
	static const char text[] =
		"# a comment with ' and \"\nA=1 B[2]=$A; C='x\ny' # c\n\\\n\n;D+=a\nD+=b\nA=\n";
	struct values values = { 0 };
	struct conf_fault fault = { 0 };

	assert_int_equal(source_conf_parse(text, strlen(text), &values, &fault), 0);
	assert_string_equal(source_values_text(&values, "A", 0), "");
	assert_int_equal(source_values_find(&values, "A", 0)->line, 8);
	assert_string_equal(source_values_text(&values, "B", 2), "1");
	assert_string_equal(source_values_text(&values, "C", 0), "x\ny");
	assert_string_equal(source_values_text(&values, "D", 0), "ab");
	assert_int_equal(values.n, 4);
	source_values_done(&values);
}

static void adding_to_a_value_keeps_what_a_shell_expands(void **state)
{
	static const char text[] = "A='$'\nA+=$(x)\nB=$(y)\n";
	struct values values = { 0 };
	struct conf_fault fault = { 0 };

	assert_int_equal(source_conf_parse(text, strlen(text), &values, &fault), 0);
	assert_string_equal(source_values_text(&values, "A", 0), "\\$$(x)");
	assert_true(source_values_find(&values, "A", 0)->shell);
	source_values_done(&values);
}

static void stops(const char *text, size_t len, unsigned int line, const char *why)
{
	struct values values = { 0 };
	struct conf_fault fault = { 0 };

	assert_int_equal(source_conf_parse(text, len, &values, &fault), -MFE_SOURCE);
	assert_int_equal(fault.line, line);
	if (!strstr(fault.why, why))
		fail_msg("%.40s: %s", text, fault.why);
	for (const char *p = fault.text; *p; p++)
		assert_true((unsigned char)*p >= ' ');
	source_values_done(&values);
}

#define STOPS(text, line, why) stops(text, strlen(text), line, why)

static void what_needs_a_shell_stops_it_at_its_line(void **state)
{
	STOPS("A=1\nif true; then\n", 2, "only a shell");
	STOPS("A=\"1\n2\"\n. ./other", 3, "only a shell");
	STOPS("A=1 make", 1, "only a shell");
	STOPS("f() { A=1; }", 1, "only a shell");
	STOPS("export A=1", 1, "only a shell");
	STOPS("A", 1, "only a shell");
	STOPS("A[0]", 1, "only a shell");
	STOPS("A+", 1, "only a shell");
	STOPS("=1", 1, "only a shell");
	STOPS("\x1b[31mA", 1, "only a shell");
	STOPS("A=(1 2)", 1, "parentheses");
	STOPS("A[x]=1", 1, "index");
	STOPS("A[$i]=1", 1, "index");
	STOPS("A[-1]=1", 1, "index");
	STOPS("A[010]=1", 1, "index");
	STOPS("A[1024]=1", 1, "index");
	STOPS("A[1000000]=1", 1, "index");
	STOPS("A[99999999999999999999]=1", 1, "index");
	STOPS("A[]=1", 1, "index");
	STOPS("\nA='", 2, "no end");
}

static void a_variable_is_not_changed_after_an_expansion_for_a_shell(void **state)
{
	STOPS("A=1\nB=$(x $A)\nA=2\n", 3, "changes a variable");
	STOPS("B=$(x $A)\nB+=2\n", 2, "changes a variable");
}

static void a_hostile_file_is_bounded(void **state)
{
	char *large = malloc(CONF_MAX + 1);
	char doubling[1024] = "A=xxxxxxxxxxxxxxxx\n";

	assert_non_null(large);
	memset(large, '\n', CONF_MAX + 1);
	stops(large, CONF_MAX + 1, 0, "64 KiB");
	memset(large, '"', CONF_MAX);
	memcpy(large, "A=", 2);
	stops(large, CONF_MAX - 1, 1, "no end");
	for (size_t i = 0; i < CONF_MAX; i += 2)
		memcpy(large + i, i ? "$(" : "A=", 2);
	stops(large, CONF_MAX, 1, "nested");
	stops("A=1\0B=2", 7, 0, "NUL");
	while (strlen(doubling) < 1000)
		strcat(doubling, "A=$A$A\n");
	STOPS(doubling, 16, "too long");
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(assignments_are_read_in_their_order),
		UNIT(adding_to_a_value_keeps_what_a_shell_expands),
		UNIT(what_needs_a_shell_stops_it_at_its_line),
		UNIT(a_variable_is_not_changed_after_an_expansion_for_a_shell),
		UNIT(a_hostile_file_is_bounded),
	};

	return UNIT_RUN(tests);
}

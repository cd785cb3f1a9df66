/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ini form: sections, further values, and lines that are none. */
#include "tests/unit.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "src/repo/ini.h"

struct seen {
	char text[9000];
	unsigned int wrong; /* the first line that is none */
	int stop_after, n;
};

static int note(void *arg, const struct mf_ini_line *line)
{
	struct seen *s = arg;
	size_t len = strlen(s->text);

	if (line->wrong) {
		assert_null(line->key);
		s->wrong = s->wrong ? s->wrong : line->number;
		snprintf(s->text + len, sizeof(s->text) - len, "[%s]wrong;", line->section);
	} else if (line->key) {
		snprintf(s->text + len, sizeof(s->text) - len, "[%s]%s=%s;", line->section,
			 line->key, line->value);
	}
	return ++s->n == s->stop_after ? -EPERM : 0;
}

static void check(const char *text, const char *want)
{
	struct seen s = { 0 };

	assert_int_equal(mf_ini_parse(text, note, &s), 0);
	assert_string_equal(s.text, want);
}

static unsigned int bad_line(const char *text)
{
	struct seen s = { 0 };

	assert_int_equal(mf_ini_parse(text, note, &s), 0);
	return s.wrong;
}

static void values_belong_to_sections(void **state)
{
	check("", "");
	check("a=1\n", "[]a=1;");
	check("[x]\na=1\nb = 2 \n[y]\na=3", "[x]a=1;[x]b=2;[y]a=3;");
	check("[x]\r\na=1\r\n", "[x]a=1;");
	check("# one\n; two\n\n[x]\n  # three\na=1\n", "[x]a=1;");
	check("[x]\na=\n", "[x]a=;");
	check("[x]\na=b=c\n", "[x]a=b=c;");
	check("[x]\na: b\n", "[x]a=b;");
	check("\xef\xbb\xbf[x]\na=1\n", "[x]a=1;");
	check("[x] # one\na=1 ; two\nb=1;2\nc=;\n", "[x]a=1;[x]b=1;2;[x]c=;");
}

static void an_indented_line_is_a_further_value(void **state)
{
	check("[x]\nbaseurl=http://a\n http://b\n\thttp://c\nn=1\n",
	      "[x]baseurl=http://a;[x]baseurl=http://b;[x]baseurl=http://c;[x]n=1;");
}

static void a_line_that_is_none_is_named_by_its_number(void **state)
{
	assert_int_equal(bad_line("[x]\na=1\nwhat is this\n"), 3);
	assert_int_equal(bad_line("[x\n"), 1);
}

static void what_follows_a_wrong_line_is_still_seen(void **state)
{
	check("[x]\na=1\nwhat\nb=2\n", "[x]a=1;[x]wrong;[x]b=2;");
	/* an indented line goes on with a key, and not over a line that is none */
	check("[x]\na=1\nwhat\n b=2\n", "[x]a=1;[x]wrong;[x]b=2;");
	/* and no section's lines are taken for the one before */
	check("[x]\na=1\n[y\nb=2\n[z]q\nc=3\n[w]\nd=4\n",
	      "[x]a=1;[]wrong;[]b=2;[]wrong;[]c=3;[w]d=4;");
}

/* The library that was used before cut sections at 49 bytes and lines at 199. */
static void nothing_is_cut(void **state)
{
	char text[8000], want[8000], name[301], value[3001];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	snprintf(text, sizeof(text), "# %s\n[%s]\n%s = %s\n", value, name, name, value);
	snprintf(want, sizeof(want), "[%s]%s=%s;", name, name, value);
	check(text, want);
}

static void a_visitor_ends_it(void **state)
{
	struct seen s = { .stop_after = 2 };

	assert_int_equal(mf_ini_parse("a=1\nb=2\nc=3\n", note, &s), -EPERM);
	assert_int_equal(s.n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(values_belong_to_sections),
		UNIT(an_indented_line_is_a_further_value),
		UNIT(a_line_that_is_none_is_named_by_its_number),
		UNIT(what_follows_a_wrong_line_is_still_seen),
		UNIT(nothing_is_cut),
		UNIT(a_visitor_ends_it),
	};

	return UNIT_RUN(tests);
}

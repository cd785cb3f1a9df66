/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ini form: sections, further values, and lines that are none. */
#include "tests/unit.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "modfetch/ini.h"

struct seen {
	char text[2000];
	int stop_after, n;
};

static int note(void *arg, const char *section, const char *key, const char *value)
{
	struct seen *s = arg;
	size_t len = strlen(s->text);

	snprintf(s->text + len, sizeof(s->text) - len, "[%s]%s=%s;", section, key, value);
	return ++s->n == s->stop_after ? -EPERM : 0;
}

static void check(const char *text, const char *want)
{
	struct seen s = { 0 };
	unsigned int line = 0;

	assert_int_equal(mf_ini_parse(text, note, &s, &line), 0);
	assert_string_equal(s.text, want);
	assert_int_equal(line, 0);
}

static unsigned int bad_line(const char *text)
{
	struct seen s = { 0 };
	unsigned int line = 0;

	assert_int_equal(mf_ini_parse(text, note, &s, &line), -EBADMSG);
	return line;
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

/* inih would take what is behind its buffer for a line of its own */
static void a_line_too_long_is_refused_not_cut(void **state)
{
	char text[1000];

	for (size_t len = 150; len < 450; len += 7) {
		memset(text, 'u', sizeof(text));
		memcpy(text, "[x]\nk=", 6);
		/* with a '=' where the rest of it would begin */
		memset(text + 4 + 190, '=', len > 200 ? 20 : 0);
		text[4 + len] = '\n';
		text[4 + len + 1] = '\0';
		if (len <= 198) {
			struct seen s = { 0 };
			unsigned int line = 0;

			assert_int_equal(mf_ini_parse(text, note, &s, &line), 0);
			assert_int_equal(s.n, 1);
			assert_int_equal(strlen(s.text), len + strlen("[x];"));
		} else {
			assert_int_equal(bad_line(text), 2);
		}
	}
}

static void a_visitor_ends_it(void **state)
{
	struct seen s = { .stop_after = 2 };
	unsigned int line = 0;

	assert_int_equal(mf_ini_parse("a=1\nb=2\nc=3\n", note, &s, &line), -EPERM);
	assert_int_equal(s.n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(values_belong_to_sections),
		UNIT(an_indented_line_is_a_further_value),
		UNIT(a_line_that_is_none_is_named_by_its_number),
		UNIT(a_line_too_long_is_refused_not_cut),
		UNIT(a_visitor_ends_it),
	};

	return UNIT_RUN(tests);
}

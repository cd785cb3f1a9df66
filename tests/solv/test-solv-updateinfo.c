/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an updateinfo.xml says, package by package. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/solv.h"
#include "tests/updateinfo.h"

struct seen {
	char text[1000];
	int end; /* what the visitor returns */
};

static int note(void *arg, const struct mf_updateinfo *e)
{
	struct seen *seen = arg;
	size_t len = strlen(seen->text);

	snprintf(seen->text + len, sizeof(seen->text) - len, "%s|%s|%s|%s|%s|%s\n", e->id,
		 e->type ? e->type : "-", e->severity && *e->severity ? e->severity : "-", e->name,
		 e->evr, e->arch);
	return seen->end;
}

static int parse(const char *text, struct seen *seen)
{
	int fd = updateinfo_file(text), r;

	memset(seen->text, 0, sizeof(seen->text));
	r = mf_updateinfo_parse(fd, note, seen);
	close(fd);
	return r;
}

static void each_package_of_each_advisory_is_visited(void **state)
{
	struct seen seen = { 0 };

	assert_int_equal(parse(UPDATES(UPDATE("V-1", "security", "Important",
					      OF("igb", "0", "1.2", "3", "x86_64")
						      OF("ixgbe", "2", "5", "1", "noarch"))
					       UPDATE("V-2", "bugfix", "",
						      OF("igb", "0", "2", "1", "x86_64"))),
			       &seen),
			 0);
	assert_string_equal(seen.text, "V-1|security|Important|igb|1.2-3|x86_64\n"
				       "V-1|security|Important|ixgbe|2:5-1|noarch\n"
				       "V-2|bugfix|-|igb|2-1|x86_64\n");
}

static void one_that_was_retracted_is_left_out(void **state)
{
	struct seen seen = { 0 };

	assert_int_equal(
		parse("<updates><update status=\"retracted\" type=\"security\"><id>V-1</id>"
		      "<pkglist><collection>" OF(
			      "igb", "0", "1", "1",
			      "x86_64") "</collection></pkglist></update></updates>",
		      &seen),
		0);
	assert_string_equal(seen.text, "");
}

static void half_of_a_file_has_no_advisory(void **state)
{
	static const char whole[] =
		UPDATES(UPDATE("V-1", "security", "", OF("igb", "0", "1", "1", "x86_64")));
	struct seen seen = { 0 };

	for (size_t len = 0; len < sizeof(whole) - 1; len += 7) {
		_cleanup_free_ char *half = strndup(whole, len);

		assert_int_equal(parse(half, &seen), -EBADMSG);
		assert_string_equal(seen.text, "");
	}
	assert_int_equal(parse(whole, &seen), 0);
	assert_string_not_equal(seen.text, "");
}

static void odd_ones_are_no_advisories(void **state)
{
	static const char *const texts[] = {
		"<updates/>",
		"<metadata/>",
		UPDATES(UPDATE("V-1", "security", "", "")),
		UPDATES("<update type=\"security\"><id>V-1</id></update>"),
	};
	struct seen seen = { 0 };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(parse(texts[i], &seen), 0);
		assert_string_equal(seen.text, "");
	}
}

static void the_visitor_ends_the_walk(void **state)
{
	struct seen seen = { .end = 7 };

	assert_int_equal(parse(UPDATES(UPDATE("V-1", "security", "",
					      OF("a", "0", "1", "1", "x86_64")
						      OF("b", "0", "1", "1", "x86_64"))
					       UPDATE("V-2", "security", "",
						      OF("c", "0", "1", "1", "x86_64"))),
			       &seen),
			 7);
	assert_string_equal(seen.text, "V-1|security|-|a|1-1|x86_64\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(each_package_of_each_advisory_is_visited),
		UNIT(one_that_was_retracted_is_left_out),
		UNIT(half_of_a_file_has_no_advisory),
		UNIT(odd_ones_are_no_advisories),
		UNIT(the_visitor_ends_the_walk),
	};

	return UNIT_RUN(tests);
}

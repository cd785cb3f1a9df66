/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is wrong with an entry of a .repo file: the first fault, as it may be printed. */
#include "tests/unit.h"
#include <stdlib.h>
#include <string.h>
#include "src/repo/repo-entry.h"

static void draft_done(struct draft *d)
{
	free(d->where);
	free(d->why);
	*d = (struct draft){ 0 };
}

static void the_first_fault_counts(void **state)
{
	const struct reading rd = { .file = "a.repo", .line = 7, .key = "proxy" };
	struct draft d = { .repo.id = (char *)"vendor" };

	(void)state;
	assert_int_equal(repo_spoil(&rd, &d, "neither yes nor no", "maybe"), 0);
	assert_int_equal(repo_spoil_key(&rd, &d, "= is too long"), 0);
	assert_string_equal(d.where, "a.repo line 7 [vendor]");
	assert_string_equal(d.why, "neither yes nor no: maybe");
	draft_done(&d);
}

static void a_place_is_as_exact_as_it_can_be(void **state)
{
	const struct reading rd = { .file = "a.repo", .line = 7, .key = "proxy" };
	struct draft d = { .repo.id = (char *)"" };

	(void)state;
	assert_int_equal(repo_spoil_key(&rd, &d, "= is too long"), 0);
	assert_string_equal(d.where, "a.repo line 7");
	assert_string_equal(d.why, "proxy= is too long");
	draft_done(&d);
	d.repo.id = (char *)"vendor";
	assert_int_equal(repo_spoil_at(&d, "b.repo", 0, "it cannot be read", ""), 0);
	assert_string_equal(d.where, "b.repo");
	assert_string_equal(d.why, "it cannot be read");
	draft_done(&d);
}

static void neither_a_password_nor_a_control_character_is_printed(void **state)
{
	const struct reading rd = { .file = "a\033.repo", .line = 1, .key = "baseurl" };
	struct draft d = { .repo.id = (char *)"vendor" };

	(void)state;
	assert_int_equal(repo_spoil(&rd, &d, "not \033[2J good", "ftp://me:secret@host/x"), 0);
	assert_null(strstr(d.why, "secret"));
	assert_non_null(strstr(d.why, "host/x"));
	assert_null(strchr(d.why, '\033'));
	assert_null(strchr(d.where, '\033'));
	draft_done(&d);
}

static void a_text_replaces_the_one_before(void **state)
{
	const struct reading rd = { .file = "a.repo" };
	struct draft d = { 0 };
	char *text = NULL;

	(void)state;
	assert_int_equal(repo_set_text(&rd, &d, &text, "one"), 0);
	assert_int_equal(repo_set_text(&rd, &d, &text, "two"), 0);
	assert_string_equal(text, "two");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_fault_counts),
		cmocka_unit_test(a_place_is_as_exact_as_it_can_be),
		cmocka_unit_test(neither_a_password_nor_a_control_character_is_printed),
		cmocka_unit_test(a_text_replaces_the_one_before),
	};

	return UNIT_RUN(tests);
}

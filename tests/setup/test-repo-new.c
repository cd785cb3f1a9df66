/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the URL of a repository, or of a .repo file, means: its id and its base. */
#include "tests/unit.h"
#include <stdlib.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/setup.h"

static void the_id_is_the_last_part_that_can_be_one(void **state)
{
	static const struct {
		const char *url, *id;
	} cases[] = {
		{ "https://example.org/drivers", "drivers" },
		{ "https://example.org/drivers/$flavor", "drivers" },
		{ "https://example.org/a/vendor.repo", "vendor" },
		{ "https://example.org/a/modfetch.repo", "a" },
		{ "https://example.org/modfetch.repo", "example.org" },
		{ "https://user:secret@example.org:8080", "example.org" },
		{ "https://user:secret@example.org", "example.org" },
		{ "https://example.org/%2e%2e", "example.org" },
		{ "https://example.org/../..", "example.org" },
		{ "file:///srv/drivers", "drivers" },
		{ "file:///$kernel", NULL },
		{ "http://[::1]/", NULL },
		{ "https://", NULL },
		{ "drivers", NULL },
		{ "https://example.org/a b", NULL },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *id = mf_repo_id_of_url(cases[i].url);

		if (cases[i].id)
			assert_string_equal(id, cases[i].id);
		else
			assert_null(id);
	}
}

static void a_base_is_on_the_server_of_the_file(void **state)
{
	static const struct {
		const char *url, *offered, *base;
	} cases[] = {
		{ "https://h/d/x.repo", NULL, "https://h/d" },
		{ "https://h/x.repo", NULL, "https://h" },
		{ "https://h/x.repo", "https://h/e//", "https://h/e" },
		{ "https://h/x.repo", "https://H/e/$flavor", "https://h/e/$flavor" },
		{ "https://h/x.repo", "https://h", "https://h" },
		/* the password stays the admin's */
		{ "https://u:p@h/x.repo", "https://h/e", "https://u:p@h/e" },
		{ "https://u:p@h/x.repo", "https://v:q@h/e", "https://u:p@h/e" },
		{ "file:///srv/x.repo", "file:///opt/e", "file:///opt/e" },
		{ "https://h/x.repo", "http://h/e", NULL },
		{ "http://h/x.repo", "https://h/e", NULL },
		{ "https://h/x.repo", "https://h:8443/e", NULL },
		{ "https://h/x.repo", "https://h.evil/e", NULL },
		{ "https://h/x.repo", "https://evil/h/e", NULL },
		{ "https://h/x.repo", "https://h@evil/e", NULL },
		{ "https://h/x.repo", "file:///e", NULL },
		{ "https://h/x.repo", "https://h/e?x", NULL },
		{ "https://h/x.repo", "e", NULL },
		{ "x.repo", NULL, NULL },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *base = mf_repo_base_of_file(cases[i].url, cases[i].offered);

		if (cases[i].base)
			assert_string_equal(base, cases[i].base);
		else
			assert_null(base);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(the_id_is_the_last_part_that_can_be_one),
		UNIT(a_base_is_on_the_server_of_the_file),
	};

	return UNIT_RUN(tests);
}

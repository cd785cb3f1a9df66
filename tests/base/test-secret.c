/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* No text that leaves the program contains a password. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include <stdlib.h>
#include <string.h>
#include "modfetch/strings.h"

static void check(const char *text, const char *want)
{
	char *got = mf_secret_hide_copy(text);

	assert_non_null(got);
	assert_string_equal(got, want);
	free(got);
}

static void a_url_loses_user_and_password(void **state)
{
	check("http://user:s3cret@host/repo", "http://host/repo");
	check("https://user@host", "https://host");
	check("https://user:s3cret@host:8080/a/b#d", "https://host:8080/a/b#d");
	check("http://u:s3@cr3t@host/", "http://host/");
	check("http://:s3cret@[::1]:80/", "http://[::1]:80/");
	check("proxy 'http://u:s3cret@p:3128' refused; http://a:s3cret@b",
	      "proxy 'http://p:3128' refused; http://b");
	check("ftp://u:s3cret@host", "ftp://host");
}

static void a_url_loses_its_query(void **state)
{
	check("https://host/repo?token=s3cret", "https://host/repo?*");
	check("https://host/repo?s", "https://host/repo?*");
	check("https://host?s3cret&x=%20/y#z", "https://host?*");
	check("https://u:s3cret@host/repo?s3cret x; http://b/?s3cret 'http://c?s3cret' d?e",
	      "https://host/repo?* x; http://b/?* 'http://c?*' d?e");
	check("is it https://host/repo? No", "is it https://host/repo? No");
}

static void a_url_that_was_written_wrongly_loses_it_too(void **state)
{
	check("http://user:s3/cret@host/x", "http://host/x");
	check("http://user:s3?cret@host/x", "http://host/x");
	check("http://user:s3#cret@host", "http://host");
	check("http://user:12a@host", "http://host");
}

static void what_has_no_secret_stays(void **state)
{
	static const char *const texts[] = {
		"",
		"://",
		"http://",
		"http://host:80/@scope/x@1",
		"http://[fe80::1]:80/a@b",
		"http://host/mail@example",
		"someone@example.org",
		"a: b://c d@e",
		"file:///srv/repo@2",
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(texts); i++)
		check(texts[i], texts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_url_loses_user_and_password),
		UNIT(a_url_loses_its_query),
		UNIT(a_url_that_was_written_wrongly_loses_it_too),
		UNIT(what_has_no_secret_stays),
	};

	return UNIT_RUN(tests);
}

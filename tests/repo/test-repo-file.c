/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changes of a .repo file: what is not changed keeps every byte. */
#include "tests/unit.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/repo-file.h"

static void one_value_changes_and_nothing_else(void **state)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{ "[a]\nenabled=1\n", "[a]\nenabled=0\n" },
		{ "[a]\nenabled = yes ; since May\n", "[a]\nenabled = 0 ; since May\n" },
		{ "[a]\n\tenabled:1  \r\nname=x\r\n", "[a]\n\tenabled:0  \r\nname=x\r\n" },
		{ "\xef\xbb\xbf[a]\nenabled=1", "\xef\xbb\xbf[a]\nenabled=0" },
		{ "[b]\nenabled=1\n[a]\n#enabled=1\nenabled=\n[c]\nenabled=1\n",
		  "[b]\nenabled=1\n[a]\n#enabled=1\nenabled=0\n[c]\nenabled=1\n" },
		/* of two the last one counts */
		{ "[a]\nenabled=1\nenabled=1\n", "[a]\nenabled=1\nenabled=0\n" },
		/* none: a line of its own, with the file's line end */
		{ "# top\n[a]\nname=x", "# top\n[a]\nenabled=0\nname=x" },
		{ "[a] # what\r\nname=x\r\n", "[a] # what\r\nenabled=0\r\nname=x\r\n" },
		{ "[b]\nname=y\n[a]", "[b]\nname=y\n[a]\nenabled=0\n" },
		/* an indented line belongs to the key before it */
		{ "[a]\nbaseurl=http://x\n enabled=1\n",
		  "[a]\nenabled=0\nbaseurl=http://x\n enabled=1\n" },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = NULL;

		assert_int_equal(
			mf_repo_text_set(cases[i].before, "a", "enabled", "0", false, &text), 0);
		assert_string_equal(text, cases[i].after);
	}
}

static void a_change_that_would_say_something_else_is_refused(void **state)
{
	char *text = NULL;

	assert_int_equal(
		mf_repo_text_set("[a]\nenabled=1\n 1\n", "a", "enabled", "0", false, &text),
		-EINVAL);
	assert_int_equal(mf_repo_text_set("[a]\n[b]\n[a]\n", "a", "enabled", "0", false, &text),
			 -EINVAL);
	assert_int_equal(mf_repo_text_set("[b]\n", "a", "enabled", "0", false, &text), -ENOENT);
	assert_null(text);
}

static void a_key_is_added_to_those_there(void **state)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{ "[a]\nkeys=one ; old\n", "[a]\nkeys=one new.pem ; old\n" },
		{ "[a]\nkeys=\n", "[a]\nkeys= new.pem\n" },
		{ "[a]\nname=x\n", "[a]\nkeys=new.pem\nname=x\n" },
		{ "[a]\nkeys=one\n two\n", "[a]\nkeys=one new.pem\n two\n" },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = NULL;

		assert_int_equal(
			mf_repo_text_set(cases[i].before, "a", "keys", "new.pem", true, &text), 0);
		assert_string_equal(text, cases[i].after);
	}
}

static void a_section_goes_and_its_neighbours_stay(void **state)
{
	static const struct {
		const char *before, *after;
		bool last;
	} cases[] = {
		{ "# top\n[a]\nname=x\n", "# top\n", true },
		{ "[b]\nx=1\n\n[a]\nname=x\n", "[b]\nx=1\n\n", false },
		{ "[a]\nname=x\n# of a\ny=2\n\n# of b\n; too\n[b]\nx=1", "# of b\n; too\n[b]\nx=1",
		  false },
		{ "[a]\n[broken\nx=1\n", "[broken\nx=1\n", false },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = NULL;
		bool last = !cases[i].last;

		assert_int_equal(mf_repo_text_remove(cases[i].before, "a", &text, &last), 0);
		assert_string_equal(text, cases[i].after);
		assert_int_equal(last, cases[i].last);
	}
}

static void a_file_from_elsewhere_offers_its_name_and_its_urls(void **state)
{
	struct mf_repo_offer offer;

	assert_int_equal(mf_repo_text_offer("nonsense\n[../x]\nname=Dri\033[31mvers\ntrust=none\n"
					    "baseurl=https://a https://b\n https://c\n[y]\n"
					    "baseurl=https://d\nname=Y\n",
					    &offer),
			 0);
	assert_string_equal(offer.name, "Dri?[31mvers");
	assert_int_equal(offer.baseurls.n, 3);
	assert_string_equal(offer.baseurls.v[2], "https://c");
	assert_int_equal(offer.n_sections, 2);
	mf_repo_offer_done(&offer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(one_value_changes_and_nothing_else),
		UNIT(a_change_that_would_say_something_else_is_refused),
		UNIT(a_key_is_added_to_those_there),
		UNIT(a_section_goes_and_its_neighbours_stay),
		UNIT(a_file_from_elsewhere_offers_its_name_and_its_urls),
	};

	return UNIT_RUN(tests);
}

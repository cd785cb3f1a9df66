/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit.h"
#include <string.h>
#include "modfetch/strings.h"

static void a_dependency_on_a_module_names_it_as_kmod_does(void **state)
{
	char name[64];

	assert_true(mf_dep_module("kmod(snd-hda-intel.ko)", name, sizeof(name)));
	assert_string_equal(name, "snd_hda_intel");
	assert_true(mf_dep_module("kmod(e1000e.evil.ko) = 1.2", name, sizeof(name)));
	assert_string_equal(name, "e1000e");
	assert_false(mf_dep_module("kmod(a\x1b[2J.ko)", name, sizeof(name)));
	assert_false(mf_dep_module("kmod(.ko)", name, sizeof(name)));
	assert_false(mf_dep_module("ksym(x)", name, sizeof(name)));
}

static void a_list_splits_sorts_and_knows_its_words(void **state)
{
	struct mf_strings list = { 0 };

	assert_int_equal(mf_strings_split(&list, "  b, a\tc,,b\n"), 0);
	assert_int_equal(list.n, 4);
	assert_int_equal(mf_strings_add_unique(&list, "a"), 0);
	assert_int_equal(list.n, 4);
	mf_strings_sort(&list);
	assert_string_equal(list.v[0], "a");
	assert_string_equal(list.v[3], "c");
	assert_null(list.v[4]);
	assert_true(mf_strings_has(&list, "b"));
	assert_false(mf_strings_has(&list, "d"));
	mf_strings_done(&list);
	assert_null(list.v);
}

static void prefixes_and_suffixes_may_be_the_whole_or_longer(void **state)
{
	assert_true(mf_starts_with("pci:v", "pci:"));
	assert_true(mf_starts_with("pci:", "pci:"));
	assert_false(mf_starts_with("pci", "pci:"));
	assert_true(mf_ends_with("x.ko", ".ko"));
	assert_false(mf_ends_with("o", ".ko"));
}

static void a_word_is_one(void **state)
{
	assert_true(mf_is_word("6.1.0-56~bpo+1:2", 16));
	assert_false(mf_is_word("", 0));
	assert_false(mf_is_word("a b", 3));
	assert_true(mf_is_word("a b", 1));
	assert_false(mf_is_word("a\n", 2));
	assert_false(mf_is_word("\xc3\xa4", 2));
	assert_false(mf_is_word("\x7f", 1));
}

static void a_text_is_tamed_and_stays_readable(void **state)
{
	static const struct {
		const char *text, *tamed;
	} cases[] = {
		{ "", "" },
		{ "plain \x7e", "plain \x7e" },
		{ "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\xa7",
		  "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x90\xa7" },
		{ "\t\r\n\x1b[31m\x7f", "???"
					"?[31m?" },
		{ "\xc2\x80\xc2\x9f\xc2\xa0", "????\xc2\xa0" },
		{ "\x9b"
		  "1A",
		  "?1A" },
		{ "\xe2\x80\xae\xe2\x81\xa6\xe2\x80\xa8\xef\xbb\xbf", "????????????" },
		/* longer than it need be, halves of pairs, beyond the last, cut off */
		{ "\xc0\x8a\xe0\x80\x8a\xf0\x80\x80\x8a", "?????????" },
		{ "\xed\xa0\x80\xf4\x90\x80\x80\xf8\x88", "?????????" },
		{ "a\xc3", "a?" },
		{ "a\xe2\x82", "a??" },
		{ "a\xf0\x9f\x90", "a???" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[64];

		strcpy(text, cases[i].text);
		mf_text_tame(text);
		assert_string_equal(text, cases[i].tamed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_dependency_on_a_module_names_it_as_kmod_does),
		UNIT(a_list_splits_sorts_and_knows_its_words),
		UNIT(prefixes_and_suffixes_may_be_the_whole_or_longer),
		UNIT(a_word_is_one),
		UNIT(a_text_is_tamed_and_stays_readable),
	};

	return UNIT_RUN(tests);
}

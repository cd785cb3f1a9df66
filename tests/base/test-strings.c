/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit.h"
#include "modfetch/array.h"
#include <stdlib.h>
#include <string.h>
#include "modfetch/strings.h"
#include "modfetch/module-name.h"

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

static void a_dependency_names_a_kernel_or_not(void **state)
{
	assert_true(mf_dep_is_uname_r("kernel-uname-r"));
	assert_true(mf_dep_is_uname_r("kernel-uname-r = 6.1.0-56-amd64"));
	assert_true(mf_dep_is_uname_r("kernel-modules-core-uname-r"));
	assert_false(mf_dep_is_uname_r("kernel--uname-rx"));
	assert_false(mf_dep_is_uname_r("kernel-r"));
	assert_false(mf_dep_is_uname_r("my-kernel-uname-r"));
	assert_true(mf_dep_is_side_by_side("multiversion(kernel)"));
	assert_true(mf_dep_is_side_by_side("installonlypkg(kernel-module)"));
	assert_false(mf_dep_is_side_by_side("multiversion(vm)"));
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
	assert_true(mf_strings_sorted_has(&list, "b"));
	assert_false(mf_strings_sorted_has(&list, "d"));
	assert_false(mf_strings_sorted_has(&(const struct mf_strings){ 0 }, "b"));
	mf_strings_done(&list);
	assert_null(list.v);
}

static void lists_are_joined_with_others_and_into_a_text(void **state)
{
	struct mf_strings a = { 0 }, b = { 0 };
	char *text = mf_strings_join(&a, ", ");

	(void)state;
	assert_string_equal(text, "");
	free(text);
	assert_int_equal(mf_strings_split(&a, "x"), 0);
	assert_int_equal(mf_strings_split(&b, "y z"), 0);
	assert_int_equal(mf_strings_add_all(&a, &b), 0);
	assert_int_equal(mf_strings_add_all(&a, &(struct mf_strings){ 0 }), 0);
	assert_int_equal(a.n, 3);
	text = mf_strings_join(&a, ", ");
	assert_string_equal(text, "x, y, z");
	free(text);
	mf_strings_done(&a);
	mf_strings_done(&b);
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
		const char *text, *sanitized;
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
		/* overlong, surrogates, beyond the last character, truncated */
		{ "\xc0\x8a\xe0\x80\x8a\xf0\x80\x80\x8a", "?????????" },
		{ "\xed\xa0\x80\xf4\x90\x80\x80\xf8\x88", "?????????" },
		{ "a\xc3", "a?" },
		{ "a\xe2\x82", "a??" },
		{ "a\xf0\x9f\x90", "a???" },
		/* soft hyphen, Arabic mark, Mongolian separator, zero width, isolates, tags, noncharacters */
		{ "\xc2\xad\xd8\x9c\xe1\xa0\x8e\xe2\x80\x8b", "??????????" },
		{ "\xe2\x80\x8e\xe2\x80\x8f\xe2\x80\xaa\xe2\x81\xa9", "????????????" },
		{ "\xe2\x80\xa9\xef\xbf\xbe\xf3\xa0\x80\x81\xf3\xa0\x81\xbf", "??????????????" },
		/* and their neighbors */
		{ "\xc2\xac\xd8\x9b\xe2\x80\x8a\xe2\x80\xa7\xef\xbf\xbd\xf3\xa0\x82\x80",
		  "\xc2\xac\xd8\x9b\xe2\x80\x8a\xe2\x80\xa7\xef\xbf\xbd\xf3\xa0\x82\x80" },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		char text[64];

		strcpy(text, cases[i].text);
		mf_text_sanitize(text);
		assert_string_equal(text, cases[i].sanitized);
	}
}

static void a_text_of_lines_keeps_its_lines(void **state)
{
	char text[] = "a\tb\nc\r\x1b[0m\xc2\x9b\n";

	mf_text_sanitize_lines(text);
	assert_string_equal(text, "a\tb\nc??[0m??\n");
}

static void every_character_is_read_as_it_is_written(void **state)
{
	for (uint32_t c = 1; c <= 0x10ffff; c++) {
		char s[5] = { 0 };
		uint32_t got = 0;
		size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

		if (len == 1)
			s[0] = (char)c;
		for (size_t i = len; len > 1 && i-- > 0;)
			s[i] = (char)((i ? 0x80 | (c >> 6 * (len - 1 - i) & 0x3f)
					 : (0xf00 >> len & 0xff) | c >> 6 * (len - 1)));
		if (c >= 0xd800 && c <= 0xdfff) {
			assert_int_equal(mf_text_char(s, &got), 0);
			continue;
		}
		assert_int_equal(mf_text_char(s, &got), len);
		assert_int_equal(got, c);
	}
}

static void a_label_has_a_name_before_version_and_release(void **state)
{
	(void)state;
	assert_int_equal(mf_label_name_length("igb-kmp-5.19.4-1.x86_64"), 7);
	assert_int_equal(mf_label_name_length("e1000e-kmp-amd64-6.1.0_56-2:1-1~rc.x86_64"), 25);
	assert_int_equal(mf_label_name_length("a-1-1"), 1);
	assert_int_equal(mf_label_name_length("igb-1"), 0);
	assert_int_equal(mf_label_name_length("igb"), 0);
	assert_int_equal(mf_label_name_length("-1-1"), 0);
	assert_int_equal(mf_label_name_length("-"), 0);
	assert_int_equal(mf_label_name_length(""), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_dependency_on_a_module_names_it_as_kmod_does),
		UNIT(a_dependency_names_a_kernel_or_not),
		UNIT(a_list_splits_sorts_and_knows_its_words),
		UNIT(lists_are_joined_with_others_and_into_a_text),
		UNIT(a_label_has_a_name_before_version_and_release),
		UNIT(prefixes_and_suffixes_may_be_the_whole_or_longer),
		UNIT(a_word_is_one),
		UNIT(a_text_is_tamed_and_stays_readable),
		UNIT(a_text_of_lines_keeps_its_lines),
		UNIT(every_character_is_read_as_it_is_written),
	};

	return UNIT_RUN(tests);
}

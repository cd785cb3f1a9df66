/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of devices: keys of patterns, groups, names. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/array.h"
#include "tests/page.h"

static void a_pattern_has_a_key_that_its_devices_know(void **state)
{
	static const struct {
		const char *pattern, *key, *rest;
	} cases[] = {
		{ "pci:v00008086d000010D3sv*", "pci:8086", "d000010D3sv*" },
		{ "pci:v00008086d*", "pci:8086", "d*" },
		{ "pci:v*d*sv*sd*bc0Csc03i30*", "pci:", "v*d*sv*sd*bc0Csc03i30*" },
		{ "pci:v0001808Ad0*", "pci:", "v0001808Ad0*" },
		{ "pci:v0000808[67]d*", "pci:", "v0000808[67]d*" },
		{ "usb:v0BDAp8153d*", "usb:0BDA", "p8153d*" },
		{ "usb:v*p*d*ic08*", "usb:", "v*p*d*ic08*" },
		{ "hid:b0003g*v0000046Dp*", "hid:", "b0003g*v0000046Dp*" },
		{ "acpi*:PNP0C09:*", "acpi*", "acpi*:PNP0C09:*" },
		{ "*:x", "*", "*:x" },
		{ "a[:]b", "a*", "a[:]b" },
		{ "fs_xfs", "=fs_xfs", "" },
		{ "net_pf_16_proto_*", "=", "net_pf_16_proto_*" },
		{ "", "=", "" },
	};
	char text[300], key[PAGE_KEY_SIZE];

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		page_alias_key(cases[i].pattern, key);
		assert_string_equal(key, cases[i].key);
		assert_string_equal(cases[i].pattern + page_key_prefix(key), cases[i].rest);
	}
	/* a text that does not fit is among those of several buses */
	memset(text, 'a', 200);
	strcpy(text + 200, ":x");
	page_alias_key(text, key);
	assert_int_equal(strlen(key), PAGE_KEY_SIZE - 1);
	assert_int_equal(key[PAGE_KEY_SIZE - 2], '*');
	text[200] = '\0';
	page_alias_key(text, key);
	assert_string_equal(key, "=");
}

static void make(struct root *root, struct page_repo *repo, struct page_words *words,
		 struct page_records *records)
{
	struct page_records drivers = { 0 };

	assert_int_equal(page_drivers_make(repo, words, &drivers), 0);
	page_records_done(&drivers);
	assert_int_equal(page_devices_make(&root->ctx, repo, words, records), 0);
}

static void kernels_are_stated_where_they_are_not_all(void **state)
{
	_cleanup_(page_records_done) struct page_records records = { 0 };
	_cleanup_(page_words_done) struct page_words words = { 0 };
	_cleanup_(page_repo_done) struct page_repo repo = { 0 };
	struct page_package *old = page_add(&repo, "b-kmp-1", "b", 2), *new;
	_cleanup_free_ char *text = NULL;

	page_add_pattern(old, "pci:v00008086d00000001sv*");
	page_add_pattern(old, "pci:v00008086d00000003sv*");
	new = page_add(&repo, "b-kmp-2", "b", 1);
	page_add_pattern(new, "pci:v00008086d00000002sv*");
	page_add_pattern(new, "pci:v00008086d00000001sv*");
	page_add_pattern(page_add(&repo, "a-kmp-1", "a", 1), "fs_a");
	make(*state, &repo, &words, &records);
	text = records_text(&records);
	assert_string_equal(text, "=fs_a {\"a\":[[\"a\",[\"\"]]]}\n"
				  "pci:8086 {\"a\":[[\"b\",[\"d00000002sv*\"],[0]],"
				  "[\"b\",[\"d00000003sv*\"],[1]],[\"b\",[\"d00000001sv*\"]]]}\n");
}

static void only_devices_with_a_pattern_have_names(void **state)
{
	_cleanup_(page_records_done) struct page_records records = { 0 }, by_word = { 0 };
	_cleanup_(page_words_done) struct page_words words = { 0 };
	_cleanup_(page_repo_done) struct page_repo repo = { 0 };
	struct page_package *package = page_add(&repo, "b-kmp-1", "b", 1);
	_cleanup_free_ char *text = NULL, *word_text = NULL;

	page_add_pattern(package, "pci:v000010ECd00008168sv*");
	page_add_pattern(package, "pci:v000010ECd*sv*bc02*");
	page_add_pattern(package, "usb:v0BDAp8153d*");
	root_write(*state, "usr/share/misc/pci.ids",
		   "10ec  Realtek\n\t8168  RTL<8111>\n\t8169  other\n8086  Intel\n\t8168  none\n");
	root_write(*state, "usr/share/misc/usb.ids", "0bda  Re\xe2\x80\xaeltek\n\t8153  RTL8153\n");
	make(*state, &repo, &words, &records);
	text = records_text(&records);
	assert_string_equal(text, "pci:10EC {\"a\":[[\"b\",[\"d*sv*bc02*\",\"d00008168sv*\"]]],"
				  "\"n\":\"Realtek\",\"d\":{\"8168\":\"RTL<8111>\"}}\n"
				  "usb:0BDA {\"a\":[[\"b\",[\"p8153d*\"]]],\"n\":\"Re???ltek\","
				  "\"d\":{\"8153\":\"RTL8153\"}}\n");
	assert_int_equal(page_words_make(&words, &by_word), 0);
	word_text = records_text(&by_word);
	assert_non_null(strstr(word_text, "realtek [\"pci:10EC\"]\n"));
	assert_non_null(strstr(word_text, "8111 [\"pci:10EC:8168\"]\n"));
	assert_non_null(strstr(word_text, "rtl8153 [\"usb:0BDA:8153\"]\n"));
	assert_null(strstr(word_text, "intel"));
	assert_null(strstr(word_text, "other"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_pattern_has_a_key_that_its_devices_know),
		ROOTED(kernels_are_stated_where_they_are_not_all),
		ROOTED(only_devices_with_a_pattern_have_names),
	};

	return UNIT_RUN(tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of words. */
#include "tests/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "tests/page.h"

static void words_are_letters_and_digits_in_lower_case(void **state)
{
	_cleanup_(page_records_done) struct page_records records = { 0 };
	_cleanup_(page_words_done) struct page_words words = { 0 };
	_cleanup_free_ char *text = NULL;

	assert_int_equal(page_words_add(&words, "Intel(R) PRO/1000 e \xc3\xa4pro", "m:e1000e"), 0);
	assert_int_equal(page_words_add(&words, "intel_pro", "pci:8086"), 0);
	assert_int_equal(page_words_make(&words, &records), 0);
	text = records_text(&records);
	assert_string_equal(text,
			    "intel [\"m:e1000e\",\"pci:8086\"]\npro [\"m:e1000e\",\"pci:8086\"]\n"
			    "1000 [\"m:e1000e\"]\n");
}

static void a_long_word_is_cut(void **state)
{
	_cleanup_(page_records_done) struct page_records records = { 0 };
	_cleanup_(page_words_done) struct page_words words = { 0 };
	char text[100];

	memset(text, 'x', 99);
	text[99] = '\0';
	assert_int_equal(page_words_add(&words, text, "m:a"), 0);
	assert_int_equal(page_words_make(&words, &records), 0);
	assert_int_equal(records.n, 1);
	assert_int_equal(strlen(records.v[0].key), 39);
}

static void a_word_of_very_many_is_a_number(void **state)
{
	_cleanup_(page_records_done) struct page_records records = { 0 };
	_cleanup_(page_words_done) struct page_words words = { 0 };
	_cleanup_free_ char *text = NULL;

	for (int i = 0; i < 801; i++) {
		char target[32];

		snprintf(target, sizeof(target), "m:%d", i);
		assert_int_equal(page_words_add(&words, i ? "driver" : "driver rare", target), 0);
	}
	assert_int_equal(page_words_make(&words, &records), 0);
	text = records_text(&records);
	assert_string_equal(text, "driver 801\nrare [\"m:0\"]\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(words_are_letters_and_digits_in_lower_case),
		UNIT(a_long_word_is_cut),
		UNIT(a_word_of_very_many_is_a_number),
	};

	return UNIT_RUN(tests);
}

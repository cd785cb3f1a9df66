/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of drivers. */
#include "tests/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "tests/page.h"

static void a_driver_has_the_packages_of_all_kernels(void **state)
{
	_cleanup_(page_records_done) struct page_records records = { 0 };
	_cleanup_(page_words_done) struct page_words words = { 0 };
	_cleanup_(page_repo_done) struct page_repo repo = { 0 };
	_cleanup_free_ char *text = NULL;
	struct page_package *package = page_add(&repo, "b-kmp-1", "b", 1);

	assert_int_equal(mf_strings_add(&package->requires, "a-kmp-1"), 0);
	page_add(&repo, "a-kmp-2", "a", 2);
	page_add(&repo, "b-kmp-2", "b", 2);
	/* of no kernel that the page shows */
	page_add(&repo, "c-kmp-3", "c", 0);
	page_add(&repo, "kernel-image", "a", 1)->is_image = true;
	assert_int_equal(page_drivers_make(&repo, &words, &records), 0);
	text = records_text(&records);
	assert_string_equal(
		text, "a {\"s\":\"A driver\",\"b\":[0],\"p\":[[[1],\"a-kmp-2\",\"1-2\",\"x86_64\","
		      "\"x86_64/file.rpm\",1000,2000,[],[],[]]]}\n"
		      "b {\"s\":\"A driver\",\"p\":[[[0],\"b-kmp-1\",\"1-2\",\"x86_64\","
		      "\"x86_64/file.rpm\",1000,2000,[\"a-kmp-1\"],[],[]],[[1],\"b-kmp-2\","
		      "\"1-2\",\"x86_64\",\"x86_64/file.rpm\",1000,2000,[],[],[]]]}\n");
	assert_int_equal(repo.drivers[1].kernels, 3);
	assert_int_equal(*mf_table_get(&repo.by_name, "b", 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { UNIT(a_driver_has_the_packages_of_all_kernels) };

	return UNIT_RUN(tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files by digest, and tables in pieces. */
#include "tests/unit.h"
#include "tests/root.h"
#include "tests/page.h"

static struct page_files files_of(struct root *root)
{
	return (struct page_files){ .ctx = &root->ctx, .dirfd = root->fd };
}

static void a_file_has_the_name_of_its_content(void **state)
{
	struct page_files files = files_of(*state);
	char name[PAGE_FILE_SIZE], again[PAGE_FILE_SIZE];
	_cleanup_free_ char *text = NULL;

	assert_int_equal(page_file_write(&files, "css", "a", 1, name), 0);
	assert_string_equal(name, "ca978112ca1bbdcafac231b39a23dc4d.css");
	assert_true(page_file_is_ours(name));
	/* one that was changed gets its content back */
	root_write(*state, name, "changed");
	assert_int_equal(page_file_write(&files, "css", "a", 1, again), 0);
	assert_string_equal(again, name);
	text = root_read(*state, name);
	assert_string_equal(text, "a");
	mf_strings_done(&files.names);
}

static void other_files_are_not_ours(void **state)
{
	assert_false(page_file_is_ours("index.html"));
	assert_false(page_file_is_ours("ca978112ca1bbdcafac231b39a23dc4d.png"));
	assert_false(page_file_is_ours("ca978112ca1bbdcafac231b39a23dc4.css"));
	assert_false(page_file_is_ours("ca978112ca1bbdcafac231b39a23dc4dd.css"));
	assert_false(page_file_is_ours("ca978112ca1bbdcafac231b39a23dc4d.json.gz"));
}

static void a_link_is_replaced_and_not_followed(void **state)
{
	struct page_files files = files_of(*state);
	char name[PAGE_FILE_SIZE];
	_cleanup_free_ char *text = NULL;

	root_write(*state, "victim", "a");
	root_link(*state, "victim", "ca978112ca1bbdcafac231b39a23dc4d.js");
	assert_int_equal(page_file_write(&files, "js", "a", 1, name), 0);
	root_write(*state, name, "b");
	text = root_read(*state, "victim");
	assert_string_equal(text, "a");
	mf_strings_done(&files.names);
}

static void records_are_cut_in_order(void **state)
{
	_cleanup_(page_records_done) struct page_records records = { 0 };
	static const char *const keys[] = { "b\"", "a", "c", "d" };
	struct page_files files = files_of(*state);
	struct mf_json *pieces, *piece;
	_cleanup_free_ char *large = malloc(15001), *text = NULL;

	memset(large, 'x', 15000);
	large[15000] = '\0';
	for (size_t i = 0; i < 4; i++) {
		struct mf_json *value = mf_json_array();

		/* a and b are one piece, the large ones are one each */
		mf_json_add_string(value, i < 2 ? "small" : large);
		assert_int_equal(page_records_add(&records, keys[i], value), 0);
	}
	assert_int_equal(page_pieces_write(&files, &records, &pieces), 0);
	assert_int_equal(mf_json_length(pieces), 2);
	piece = mf_json_at(pieces, 1);
	assert_string_equal(mf_json_string_at(piece, 0), "d");
	piece = mf_json_at(pieces, 0);
	assert_string_equal(mf_json_string_at(piece, 0), "a");
	text = root_read(*state, mf_json_string_at(piece, 1));
	assert_true(mf_starts_with(text, "{\"a\":[\"small\"],\"b\\\"\":[\"small\"],\"c\":[\"xx"));
	mf_json_free(pieces);
	mf_strings_done(&files.names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_file_has_the_name_of_its_content),
		UNIT(other_files_are_not_ours),
		ROOTED(a_link_is_replaced_and_not_followed),
		ROOTED(records_are_cut_in_order),
	};

	return UNIT_RUN(tests);
}

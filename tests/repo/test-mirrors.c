/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of mirrors may add places to ask, and nothing else. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/repo.h"

static void urls_are_taken_in_their_order_once(void **state)
{
	struct mf_strings urls = { 0 };

	assert_int_equal(mf_mirrors_parse("# ours\nhttp://a.example/x/\n\nhttps://b.example\r\n"
					  "http://a.example/x \nhttps://c.example//",
					  &urls),
			 0);
	assert_int_equal(urls.n, 3);
	assert_string_equal(urls.v[0], "http://a.example/x");
	assert_string_equal(urls.v[1], "https://b.example");
	assert_string_equal(urls.v[2], "https://c.example");
	mf_strings_done(&urls);
}

static void what_is_no_url_of_a_server_is_passed_over(void **state)
{
	static const char *const lists[] = {
		"",
		"\n\n\r\n",
		"file:///etc",
		"ftp://a.example",
		"/srv",
		" http://indented.example",
		"http://",
		"https:///",
		"http:",
		"<metalink xmlns=\"x\">",
		"HTTP://SHOUTED.EXAMPLE",
		"http://user:password@a.example",
		"https://user@a.example/x",
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		struct mf_strings urls = { 0 };

		assert_int_equal(mf_mirrors_parse(lists[i], &urls), 0);
		if (urls.n)
			fail_msg("'%s' became '%s'", lists[i], urls.v[0]);
		mf_strings_done(&urls);
	}
}

static void a_list_without_end_is_cut(void **state)
{
	struct mf_strings urls = { 0 };
	char text[100000], *p = text;

	for (int i = 0; i < 1000; i++)
		p += sprintf(p, "http://mirror%d.example/repo\n", i);
	assert_int_equal(mf_strings_add(&urls, "http://first.example"), 0);
	assert_int_equal(mf_mirrors_parse(text, &urls), 0);
	assert_int_equal(urls.n, 1 + MF_MIRRORS_MAX);
	mf_strings_done(&urls);
	/* and so is a line */
	memset(text, 'x', sizeof(text));
	memcpy(text, "http://", 7);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(mf_mirrors_parse(text, &urls), 0);
	assert_int_equal(urls.n, 0);
}

static void what_was_kept_is_read_again(void **state)
{
	static const char list[] = "http://a.example/\nhttp://b.example/\n";
	struct mf_strings urls = { 0 };
	struct root root;

	root_init(&root);
	assert_int_equal(mf_mirrors_read(&root.ctx, "main", &urls), 0);
	assert_int_equal(urls.n, 0);
	assert_int_equal(mf_mirrors_keep(&root.ctx, "main", list), 0);
	assert_true(root_has(&root, "var/cache/modfetch/main.mirrors"));
	assert_int_equal(mf_mirrors_read(&root.ctx, "other", &urls), 0);
	assert_int_equal(urls.n, 0);
	assert_int_equal(mf_mirrors_read(&root.ctx, "main", &urls), 0);
	assert_int_equal(urls.n, 2);
	assert_string_equal(urls.v[1], "http://b.example");
	mf_strings_done(&urls);
	root_done(&root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(urls_are_taken_in_their_order_once),
		UNIT(what_is_no_url_of_a_server_is_passed_over),
		UNIT(a_list_without_end_is_cut),
		UNIT(what_was_kept_is_read_again),
	};

	return UNIT_RUN(tests);
}

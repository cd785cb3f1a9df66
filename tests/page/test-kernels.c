/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which kernels a package is for, by the lists of modfetch pack. */
#include "tests/unit.h"
#include "tests/root.h"
#include "tests/page.h"

#define HEX64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEAD  "modfetch-pack-state 2\n"

static int read_lists(struct root *root, struct page_repo *repo)
{
	_cleanup_close_ int fd = openat(root->fd, ".pack", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	root->ctx.log_level = MF_LOG_ERROR;
	return page_kernels_read(&root->ctx, fd, repo);
}

static void a_package_is_for_each_kernel_whose_list_has_it(void **state)
{
	_cleanup_(page_repo_done) struct page_repo repo = { 0 };

	root_write(*state, ".pack/6.1.0-9-amd64 amd64.list",
		   HEAD HEX64 " 10 - x86_64/own.rpm\n" HEX64 " 10 " HEX64 " x86_64/both.rpm\n");
	root_write(*state, ".pack/6.1.0-10-amd64 amd64.list",
		   HEAD HEX64 " 10 " HEX64 " x86_64/both.rpm\n");
	root_write(*state, ".pack/6.1.0-10-amd64 amd64 vendor.list",
		   "modfetch-pack-state 1\n" HEX64 " 10 x86_64/vendor one.rpm\n");
	root_write(*state, ".pack/firmware.list", HEAD HEX64 " 10 - noarch/firmware.rpm\n");
	root_write(*state, ".pack/published", "x86_64/own.rpm\n");
	assert_int_equal(read_lists(*state, &repo), 0);
	/* the newest first, and 10 is newer than 9 */
	assert_int_equal(repo.kernels.n, 2);
	assert_string_equal(repo.kernels.v[0], "6.1.0-10-amd64");
	assert_int_equal(page_kernels_of(&repo, "x86_64/own.rpm"), 2);
	assert_int_equal(page_kernels_of(&repo, "x86_64/both.rpm"), 3);
	assert_int_equal(page_kernels_of(&repo, "x86_64/vendor one.rpm"), 1);
	assert_int_equal(page_kernels_of(&repo, "noarch/firmware.rpm"), 0);
}

static void of_very_many_kernels_the_newest_count(void **state)
{
	_cleanup_(page_repo_done) struct page_repo repo = { 0 };

	for (int i = 1; i <= PAGE_KERNELS_MAX + 2; i++) {
		char name[64], text[256];

		snprintf(name, sizeof(name), ".pack/6.1.0-%d-amd64 amd64.list", i);
		snprintf(text, sizeof(text), HEAD HEX64 " 10 - x86_64/%d.rpm\n", i);
		root_write(*state, name, text);
	}
	assert_int_equal(read_lists(*state, &repo), 0);
	assert_int_equal(repo.kernels.n, PAGE_KERNELS_MAX);
	assert_int_equal(page_kernels_of(&repo, "x86_64/2.rpm"), 0);
	assert_true(page_kernels_of(&repo, "x86_64/3.rpm") == (uint64_t)1 << 63);
	assert_int_equal(page_kernels_of(&repo, "x86_64/66.rpm"), 1);
}

static void a_damaged_list_is_an_error(void **state)
{
	static const char *const texts[] = { "", "something else\n", HEAD "one word\n",
					     HEAD HEX64 " 10 - \n" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		_cleanup_(page_repo_done) struct page_repo repo = { 0 };

		root_write(*state, ".pack/6.1.0-9-amd64 amd64.list", texts[i]);
		assert_int_equal(read_lists(*state, &repo), i ? -EBADMSG : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_package_is_for_each_kernel_whose_list_has_it),
		ROOTED(of_very_many_kernels_the_newest_count),
		ROOTED(a_damaged_list_is_an_error),
	};

	return UNIT_RUN(tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When the times of a file say that it is the same. */
#include "tests/unit.h"
#include "tests/root.h"
#include "src/depmod/tree.h"

static void a_clock_decides_what_is_sure(void **state)
{
	const int64_t second = 1000000000, began = 5000 * second + 1, ms = 1000000;
	const struct {
		int64_t ctime, now;
		bool racy;
	} cases[] = {
		{ began, began, true },
		{ began - 19 * ms, began + second, true },
		{ began - 21 * ms, began + second, false },
		/* changed while the tree was looked at */
		{ began + second, began + 2 * second, true },
		{ began + 2 * second + 21 * ms, began + 2 * second, false },
		/* the clock was set back meanwhile */
		{ began - 30 * second, began - 60 * second, true },
		{ began - 61 * second, began - 60 * second, false },
		/* a file system that counts whole seconds */
		{ 4999 * second, began, true },
		{ 4997 * second, began, false },
	};
	const struct dm_tree tree = { .began = began };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (dm_is_racy(&tree, cases[i].ctime, cases[i].now) != cases[i].racy)
			fail_msg("case %zu", i);
}

static void each_number_counts(void **state)
{
	const struct stat st = {
		.st_size = 1, .st_ino = 2, .st_mtim = { 3, 4 }, .st_ctim = { 5, 6 }
	};
	const struct dm_numbers numbers = dm_numbers_of(&st);

	assert_true(numbers.size == 1 && numbers.inode == 2);
	assert_true(numbers.mtime == 3000000004 && numbers.ctime == 5000000006);
	for (int what = 0; what < 5; what++) {
		struct dm_numbers other = numbers;

		other.size += what == 1;
		other.inode += what == 2;
		other.mtime -= what == 3;
		other.ctime -= what == 4;
		assert_int_equal(dm_numbers_equal(&numbers, &other), what == 0);
	}
}

static void a_kernel_may_be_below_usr_alone(void **state)
{
	struct root *r = *state;
	struct dm_tree tree = { .fd = -1, .out_fd = -1 };
	const struct mf_depmod_options options = { .basedir = r->path };

	assert_int_equal(mf_tree_remove(r->fd, "lib"), 0);
	assert_int_equal(dm_tree_open(&r->ctx, &options, &tree), -ENOENT);
	dm_tree_done(&tree);
	root_write(r, "usr/lib/modules/" KERNEL "/x", "x");
	assert_int_equal(dm_tree_open(&r->ctx, &options, &tree), 0);
	assert_int_equal(faccessat(tree.fd, "x", F_OK, 0), 0);
	assert_int_equal(faccessat(tree.out_fd, "x", F_OK, 0), 0);
	dm_tree_done(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_clock_decides_what_is_sure),
		UNIT(each_number_counts),
		ROOTED(a_kernel_may_be_below_usr_alone),
	};

	return UNIT_RUN(tests);
}

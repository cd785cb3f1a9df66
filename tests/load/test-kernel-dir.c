/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests a module directory that is replaced during a run. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/load.h"

#define DIR_PATH "lib/modules/" KERNEL

static void the_same_directory_stays_the_same(void **state)
{
	struct root *r = *state;
	struct stat before;

	before = mf_kernel_dir(&r->ctx);
	assert_int_not_equal(before.st_ino, 0);
	root_write(r, DIR_PATH "/modules.dep", "");
	assert_int_equal(mf_kernel_dir_same(&r->ctx, &before), 0);
}

static void a_directory_that_was_replaced_or_removed_is_another(void **state)
{
	struct root *r = *state;
	struct stat before;

	before = mf_kernel_dir(&r->ctx);
	assert_int_equal(renameat(r->fd, DIR_PATH, r->fd, DIR_PATH ".old"), 0);
	assert_int_equal(mf_kernel_dir_same(&r->ctx, &before), -MFE_KERNEL_CHANGED);
	root_mkdir(r, DIR_PATH);
	assert_int_equal(mf_kernel_dir_same(&r->ctx, &before), -MFE_KERNEL_CHANGED);
}

static void without_a_directory_before_nothing_was_replaced(void **state)
{
	struct root *r = *state;
	struct stat before;

	assert_int_equal(renameat(r->fd, DIR_PATH, r->fd, DIR_PATH ".old"), 0);
	before = mf_kernel_dir(&r->ctx);
	assert_int_equal(before.st_ino, 0);
	root_mkdir(r, DIR_PATH);
	assert_int_equal(mf_kernel_dir_same(&r->ctx, &before), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(the_same_directory_stays_the_same),
		ROOTED(a_directory_that_was_replaced_or_removed_is_another),
		ROOTED(without_a_directory_before_nothing_was_replaced),
	};

	return UNIT_RUN(tests);
}

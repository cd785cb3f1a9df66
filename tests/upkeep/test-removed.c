/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rest of a kernel without packages; tests/road/update.py has packages and links. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/upkeep.h"

#define TREE "lib/modules/" KERNEL

static void index_rest(struct root *r)
{
	root_write(r, TREE "/modules.dep", "");
	root_write(r, TREE "/modules.modfetch", "");
	root_mkdir(r, TREE "/kernel/drivers/net");
}

static void indexes_and_empty_directories_go(void **state)
{
	struct root *r = *state;
	struct mf_strings done = { 0 };
	_cleanup_free_ char *text = NULL;

	index_rest(r);
	root_write(r, MF_KERNELS_PENDING_FILE, KERNEL " BEGUN\n");
	assert_int_equal(mf_kernel_removed(&r->ctx, &done), 0);
	assert_false(root_has(r, TREE));
	assert_true(root_has(r, "lib/modules"));
	assert_int_equal(done.n, 1);
	assert_string_equal(done.v[0], "removed the indexes of kernel " KERNEL);
	text = root_read(r, MF_KERNELS_PENDING_FILE);
	assert_string_equal(text, "");
	mf_strings_done(&done);
	/* a repeat has nothing to do */
	assert_int_equal(mf_kernel_removed(&r->ctx, &done), 0);
	assert_int_equal(done.n, 0);
}

static void a_module_of_others_keeps_the_indexes(void **state)
{
	struct root *r = *state;
	struct mf_strings done = { 0 };

	index_rest(r);
	root_write(r, TREE "/updates/dkms/other.ko.xz", "");
	assert_int_equal(mf_kernel_removed(&r->ctx, &done), 0);
	assert_int_equal(done.n, 0);
	assert_true(root_has(r, TREE "/updates/dkms/other.ko.xz"));
	assert_true(root_has(r, TREE "/modules.dep"));
	assert_false(root_has(r, TREE "/kernel"));
}

static void a_file_that_is_no_index_stays(void **state)
{
	struct root *r = *state;
	struct mf_strings done = { 0 };

	index_rest(r);
	root_write(r, TREE "/notes", "");
	assert_int_equal(mf_kernel_removed(&r->ctx, &done), 0);
	assert_true(root_has(r, TREE "/notes"));
	assert_false(root_has(r, TREE "/modules.dep"));
	mf_strings_done(&done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(indexes_and_empty_directories_go),
		ROOTED(a_module_of_others_keeps_the_indexes),
		ROOTED(a_file_that_is_no_index_stays),
	};

	return UNIT_RUN(tests);
}

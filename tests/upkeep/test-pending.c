/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of kernels that wait for their drivers. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/upkeep.h"

static void assert_pending(struct root *r, const char *text)
{
	_cleanup_free_ char *is = root_read(r, MF_KERNELS_PENDING_FILE);

	assert_string_equal(is, text);
}

static void a_kernel_is_pending_until_it_is_taken_out(void **state)
{
	struct root *r = *state;
	struct mf_strings kernels = { 0 }, codes = { 0 };

	/* nothing is written for a kernel that is not pending */
	assert_int_equal(mf_kernels_pending_set(&r->ctx, KERNEL, NULL), 0);
	assert_false(root_has(r, MF_KERNELS_PENDING_FILE));
	assert_int_equal(mf_kernels_pending_set(&r->ctx, KERNEL, "BEGUN"), 0);
	assert_int_equal(mf_kernels_pending_set(&r->ctx, "6.12.117+deb12-amd64", "ENOSPC"), 0);
	assert_int_equal(mf_kernels_pending_set(&r->ctx, KERNEL, "UNREACHABLE"), 0);
	assert_int_equal(mf_kernels_pending_read(&r->ctx, &kernels, &codes), 0);
	assert_int_equal(kernels.n, 2);
	assert_string_equal(kernels.v[0], "6.12.117+deb12-amd64");
	assert_string_equal(codes.v[0], "ENOSPC");
	assert_string_equal(kernels.v[1], KERNEL);
	assert_string_equal(codes.v[1], "UNREACHABLE");
	mf_strings_done(&kernels);
	mf_strings_done(&codes);
	assert_int_equal(mf_kernels_pending_set(&r->ctx, KERNEL, NULL), 0);
	assert_pending(r, "6.12.117+deb12-amd64 ENOSPC\n");
}

static void a_line_that_is_no_entry_is_not_used(void **state)
{
	struct root *r = *state;
	struct mf_strings kernels = { 0 }, codes = { 0 };

	root_write(r, MF_KERNELS_PENDING_FILE,
		   "../../etc X\n. X\n6.1\n" KERNEL " \n" KERNEL " LOCKED\n" KERNEL
		   " ENOSPC\n6.2 A B\n");
	assert_int_equal(mf_kernels_pending_read(&r->ctx, &kernels, &codes), 0);
	assert_int_equal(kernels.n, 1);
	assert_string_equal(codes.v[0], "LOCKED");
	mf_strings_done(&kernels);
	mf_strings_done(&codes);
	assert_int_equal(mf_kernels_pending_set(&r->ctx, "6.3-x", "LOCKED"), 0);
	assert_pending(r, KERNEL " LOCKED\n6.3-x LOCKED\n");
}

static void a_list_that_cannot_be_read_is_a_failure(void **state)
{
	struct root *r = *state;
	struct mf_strings kernels = { 0 }, codes = { 0 };

	root_mkdir(r, MF_KERNELS_PENDING_FILE);
	assert_int_equal(mf_kernels_pending_read(&r->ctx, &kernels, &codes), -EISDIR);
	assert_string_equal(r->ctx.failure.what, "/" MF_KERNELS_PENDING_FILE);
	assert_int_equal(mf_kernels_pending_set(&r->ctx, KERNEL, "X"), -EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_kernel_is_pending_until_it_is_taken_out),
		ROOTED(a_line_that_is_no_entry_is_not_used),
		ROOTED(a_list_that_cannot_be_read_is_a_failure),
	};

	return UNIT_RUN(tests);
}

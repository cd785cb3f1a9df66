/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A new kernel without a repository: what is remembered, and what is not written. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/asked.h"
#include "modfetch/upkeep.h"

#define TREE "lib/modules/" KERNEL

static void arrive(struct root *r)
{
	root_write(r, TREE "/modules.builtin", "kernel/loop.ko\n");
	root_write(r, TREE "/modules.order", "");
}

static void a_kernel_that_is_not_there_is_not_found(void **state)
{
	struct root *r = *state;
	struct mf_gaps gaps = { 0 };

	assert_int_equal(mf_kernel_added(&r->ctx, &gaps), -MFE_NOT_FOUND);
	assert_false(root_has(r, MF_KERNELS_PENDING_FILE));
}

static void indexes_are_made_and_then_nothing_is_pending(void **state)
{
	struct root *r = *state;
	struct mf_gaps gaps = { 0 };
	_cleanup_free_ char *text = NULL;

	arrive(r);
	assert_int_equal(mf_kernel_added(&r->ctx, &gaps), 0);
	assert_int_equal(gaps.n, 0);
	mf_gaps_done(&gaps);
	assert_true(root_has(r, TREE "/modules.dep.bin"));
	text = root_read(r, MF_KERNELS_PENDING_FILE);
	assert_string_equal(text, "");
}

static void a_failure_is_remembered_and_tried_again(void **state)
{
	struct root *r = *state;
	struct mf_gaps gaps = { 0 };
	char *text;

	arrive(r);
	root_write(r, MF_ASKED_FILE, "name xfs 2026-11-29\n");
	assert_int_equal(mf_kernel_added(&r->ctx, &gaps), -MFE_NO_REPOSITORY);
	assert_int_equal(gaps.n, 1);
	mf_gaps_done(&gaps);
	text = root_read(r, MF_KERNELS_PENDING_FILE);
	assert_string_equal(text, KERNEL " NO-REPOSITORY\n");
	free(text);
	assert_int_equal(mf_kernels_retry(&r->ctx), 1);
	/* nobody asks for it any more */
	root_write(r, MF_ASKED_FILE, "");
	r->ctx.failure = (struct mf_failure){ 0 };
	assert_int_equal(mf_kernels_retry(&r->ctx), 0);
	assert_int_equal(r->ctx.failure.code, 0);
	text = root_read(r, MF_KERNELS_PENDING_FILE);
	assert_string_equal(text, "");
	free(text);
}

static void a_kernel_that_went_is_not_pending(void **state)
{
	struct root *r = *state;
	_cleanup_free_ char *text = NULL;

	root_write(r, MF_KERNELS_PENDING_FILE, KERNEL " BEGUN\n6.1.0-55-amd64 BEGUN\n");
	arrive(r);
	root_write(r, MF_ASKED_FILE, "name xfs 2026-11-29\n");
	assert_int_equal(mf_kernels_retry(&r->ctx), 1);
	text = root_read(r, MF_KERNELS_PENDING_FILE);
	assert_string_equal(text, KERNEL " NO-REPOSITORY\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_kernel_that_is_not_there_is_not_found),
		ROOTED(indexes_are_made_and_then_nothing_is_pending),
		ROOTED(a_failure_is_remembered_and_tried_again),
		ROOTED(a_kernel_that_went_is_not_pending),
	};

	return UNIT_RUN(tests);
}

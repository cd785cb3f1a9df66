/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The account of what is there, for each kernel. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/kept.h"
#include "modfetch/prefetch.h"

#define DIGEST "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void packages_of_several_kernels_count_for_each(void **state)
{
	struct root *r = *state;
	struct mf_prefetch_coverage coverage = { 0 };

	assert_int_equal(mf_prefetch_coverage_read(&r->ctx, &coverage), 0);
	assert_int_equal(coverage.n, 0);
	root_write(r, MF_KEPT_DIRECTORY "/prefetched",
		   DIGEST " 5 20001 vendor 6.1,6.2 a a-1-1.x storage\n" DIGEST
			  " 7 20000 vendor 6.1 b b-1-1.x network,x\n" DIGEST
			  " 9 20002 vendor 6.1 c c-1-1.x -\n" DIGEST
			  " 9 20002 vendor 6.1 d d-1-1.x\n");
	assert_int_equal(mf_prefetch_coverage_read(&r->ctx, &coverage), 0);
	assert_int_equal(coverage.n, 2);
	assert_string_equal(coverage.v[0].kernel, "6.1");
	assert_int_equal(coverage.v[0].packages, 3);
	assert_int_equal(coverage.v[0].bytes, 21);
	assert_int_equal(coverage.v[0].day, 20000);
	assert_int_equal(coverage.v[0].words.n, 3);
	assert_string_equal(coverage.v[0].words.v[0], "network");
	assert_string_equal(coverage.v[1].kernel, "6.2");
	assert_int_equal(coverage.v[1].packages, 1);
	assert_int_equal(coverage.v[1].day, 20001);
	mf_prefetch_coverage_done(&coverage);
}

int main(void)
{
	const struct CMUnitTest tests[] = { ROOTED(packages_of_several_kernels_count_for_each) };

	return UNIT_RUN(tests);
}

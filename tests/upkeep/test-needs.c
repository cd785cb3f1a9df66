/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of what a kernel must have. */
#include "tests/unit.h"
#include "tests/root.h"
#include "src/upkeep/needs.h"

static void the_first_reason_counts_and_certainty_is_added(void **state)
{
	struct root *r = *state;
	struct needs needs = { 0 };

	assert_int_equal(upkeep_needs_add(&r->ctx, &needs, "xfs", false, false, "first"), 0);
	assert_int_equal(upkeep_needs_add(&r->ctx, &needs, "xfs", true, false, "second"), 0);
	assert_int_equal(upkeep_needs_add(&r->ctx, &needs, "ext4", false, true, "third"), 0);
	/* out of bounds: skipped, and no failure is left */
	assert_int_equal(upkeep_needs_add(&r->ctx, &needs, "", true, false, "x"), 0);
	assert_int_equal(upkeep_needs_add(&r->ctx, &needs, "a[b", true, false, "x"), 0);
	assert_int_equal(r->ctx.failure.code, 0);
	assert_int_equal(needs.n, 2);
	assert_string_equal(needs.v[0].wanted, "first");
	assert_true(needs.v[0].must);
	assert_false(needs.v[1].must);
	assert_false(needs.wants.v[0].device);
	assert_true(needs.wants.v[1].device);
	upkeep_needs_done(&needs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(the_first_reason_counts_and_certainty_is_added),
	};

	return UNIT_RUN(tests);
}

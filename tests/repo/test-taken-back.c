/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The versions that were taken back. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/taken-back.h"

#define FILE_NAME "var/lib/modfetch/taken-back"

static struct mf_taken_back taken_of(struct root *r)
{
	struct mf_taken_back list = { 0 };

	assert_int_equal(mf_taken_back_read(&r->ctx, &list), 0);
	return list;
}

static void a_version_is_remembered_with_its_reason_and_forgotten(void **state)
{
	struct root *r = *state;
	struct mf_taken_back list = taken_of(r);

	assert_int_equal(list.n, 0);
	/* nothing to forget: no file */
	assert_int_equal(mf_taken_back_set(&r->ctx, "igb-kmp", "1.2-1", NULL), 0);
	assert_false(root_has(r, FILE_NAME));
	assert_int_equal(mf_taken_back_set(&r->ctx, "igb-kmp", "1.2-1", "it\npanics often"), 0);
	assert_int_equal(mf_taken_back_set(&r->ctx, "igb-kmp", "1:1.3-1", ""), 0);
	assert_int_equal(mf_taken_back_set(&r->ctx, "igb-kmp", "1.2-1", "twice"), 0);
	/* neither becomes a line of two */
	assert_int_equal(mf_taken_back_set(&r->ctx, "igb kmp", "1.2-1", "x"), 0);
	assert_int_equal(mf_taken_back_set(&r->ctx, "igb-kmp", "1.2\n-1", "x"), 0);
	list = taken_of(r);
	assert_int_equal(list.n, 2);
	assert_string_equal(mf_taken_back_find(&list, "igb-kmp", "1.2-1")->why, "twice");
	assert_string_equal(mf_taken_back_find(&list, "igb-kmp", "1:1.3-1")->why, "-");
	assert_null(mf_taken_back_find(&list, "igb-kmp", "1.3-1"));
	assert_null(mf_taken_back_find(&list, "igb", "1.2-1"));
	mf_taken_back_done(&list);
	assert_int_equal(mf_taken_back_set(&r->ctx, "igb-kmp", "1.2-1", NULL), 0);
	list = taken_of(r);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.v[0].evr, "1:1.3-1");
	mf_taken_back_done(&list);
}

static void a_reason_stays_one_line(void **state)
{
	struct root *r = *state;
	struct mf_taken_back list;

	assert_int_equal(
		mf_taken_back_set(&r->ctx, "igb-kmp", "1.2-1", "x\nigb-kmp 9-1 20000 forged"), 0);
	list = taken_of(r);
	assert_int_equal(list.n, 1);
	assert_null(mf_taken_back_find(&list, "igb-kmp", "9-1"));
	mf_taken_back_done(&list);
}

static void a_damaged_line_counts_for_nothing(void **state)
{
	struct root *r = *state;
	struct mf_taken_back list;

	root_write(r, FILE_NAME,
		   "igb-kmp\nigb-kmp 1.2-1 x reason\nigb-kmp 1.2-1 20000\nigb-kmp 1.4-1 20000 it "
		   "hangs\n");
	list = taken_of(r);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.v[0].why, "it hangs");
	mf_taken_back_done(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_version_is_remembered_with_its_reason_and_forgotten),
		ROOTED(a_reason_stays_one_line),
		ROOTED(a_damaged_line_counts_for_nothing),
	};

	return UNIT_RUN(tests);
}

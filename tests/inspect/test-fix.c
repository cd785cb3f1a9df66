/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is done about findings; tests/road/check.py has the packages. */
#include "tests/unit.h"
#include "tests/inspect/checked.h"

static void indexes_are_made_again_and_a_dry_run_makes_none(void **state)
{
	struct machine *m = installed(state);
	_cleanup_(mf_strings_done) struct mf_strings done = { 0 };
	char line[300];

	root_write(&m->root, in_kernel(m, "modules.dep"), "");
	for (int dry_run = 1; dry_run >= 0; dry_run--) {
		struct mf_check check;

		assert_int_equal(mf_check(&m->root.ctx, false, &check), 0);
		assert_int_equal(check.n_findings, 1);
		assert_int_equal(mf_check_fix(&m->root.ctx, &check, dry_run, &done), 0);
		mf_check_done(&check);
	}
	assert_int_equal(done.n, 2);
	snprintf(line, sizeof(line), "would update the module indexes of kernel %s", m->kver);
	assert_string_equal(done.v[0], line);
	snprintf(line, sizeof(line), "updated the module indexes of kernel %s", m->kver);
	assert_string_equal(done.v[1], line);
	assert_nothing(m, 1);
}

static void without_a_remedy_nothing_is_done(void **state)
{
	struct machine *m = installed(state);
	_cleanup_(mf_strings_done) struct mf_strings done = { 0 };
	struct mf_check check;

	root_link(&m->root, "/nowhere.ko", in_kernel(m, "updates/x.ko"));
	assert_int_equal(mf_check(&m->root.ctx, false, &check), 0);
	assert_int_equal(check.n_findings, 1);
	assert_int_equal(mf_check_fix(&m->root.ctx, &check, false, &done), 0);
	mf_check_done(&check);
	assert_int_equal(done.n, 0);
	assert_found(m, in_kernel(m, "updates/x.ko"), -MFE_DEAD_LINK, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE(indexes_are_made_again_and_a_dry_run_makes_none),
		MACHINE(without_a_remedy_nothing_is_done),
	};

	return UNIT_RUN(tests);
}

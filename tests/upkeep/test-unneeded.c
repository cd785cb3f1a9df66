/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Without a repository nothing is found to be unneeded; tests/road/update.py:Removal has the rest. */
#include "tests/unit.h"
#include "tests/inspect/checked.h"
#include "modfetch/undo.h"
#include "modfetch/upkeep.h"

static void without_metadata_it_is_not_known_what_packages_need(void **state)
{
	struct machine *m = installed(state);
	struct mf_unneeded unneeded = { 0 };

	assert_int_equal(mf_unneeded_find(&m->root.ctx, &unneeded), -MFE_NO_REPOSITORY);
	assert_int_equal(unneeded.labels.n, 0);
}

static void the_rest_of_a_kernel_is_removed(void **state)
{
	struct machine *m = installed(state);
	struct mf_unneeded unneeded = { 0 };
	struct mf_strings done = { 0 };

	/* the transaction of the package is finished */
	assert_int_equal(mf_undo_forget(&m->root.ctx), 0);
	root_write(&m->root, "lib/modules/5.0/modules.dep", "");
	assert_int_equal(mf_strings_add(&unneeded.kernels, "5.0"), 0);
	assert_int_equal(mf_unneeded_remove(&m->root.ctx, &unneeded, &done), 0);
	assert_int_equal(done.n, 1);
	assert_string_equal(done.v[0], "removed the indexes of kernel 5.0");
	assert_false(root_has(&m->root, "lib/modules/5.0"));
	/* the context's kernel is another one */
	assert_true(root_has(&m->root, m->module));
	mf_strings_done(&done);
	mf_unneeded_done(&unneeded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE(without_metadata_it_is_not_known_what_packages_need),
		MACHINE(the_rest_of_a_kernel_is_removed),
	};

	return UNIT_RUN(tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The figures of a check, and when there is none. */
#include "tests/unit.h"
#include "tests/inspect/checked.h"

static void what_is_as_it_came_is_no_finding(void **state)
{
	struct machine *m = installed(state);
	struct mf_check check;

	assert_int_equal(mf_check(&m->root.ctx, false, &check), 0);
	assert_int_equal(check.n_findings, 0);
	assert_int_equal(check.kernels[0].modules, 1);
	assert_int_equal(check.kernels[0].owners[MF_OWNER_RPM], 1);
	assert_int_equal(check.kernels[0].packages, 1);
	assert_false(check.kernels[0].signatures);
	mf_check_done(&check);
}

static void a_kernel_that_has_no_folder_is_a_failure(void **state)
{
	struct machine *m = *state;
	struct mf_check check;

	free(m->root.ctx.kernel);
	m->root.ctx.kernel = strdup("no-such-kernel");
	assert_int_equal(mf_check(&m->root.ctx, false, &check), -MFE_NOT_FOUND);
	assert_string_equal(m->root.ctx.failure.what, "lib/modules/no-such-kernel/");
}

static void without_the_keys_asked_for_nothing_is_judged(void **state)
{
	struct machine *m = installed(state);
	struct mf_check check;

	free(m->root.ctx.settings.module_signature);
	m->root.ctx.settings.module_signature = strdup("require");
	/* no key could have signed it: there is no result */
	assert_int_equal(mf_check(&m->root.ctx, false, &check), -MFE_NO_KEYS);
}

static void all_kernels_are_checked_in_their_order(void **state)
{
	struct machine *m = installed(state);
	struct mf_check check;

	assert_int_equal(mf_check(&m->root.ctx, true, &check), -MFE_NOT_FOUND);
	root_write(&m->root, in_kernel(m, "modules.order"), "");
	index_all(m);
	root_write(&m->root, "lib/modules/5.0/vmlinuz", "");
	assert_int_equal(mf_check(&m->root.ctx, true, &check), 0);
	assert_int_equal(check.n_kernels, 2);
	assert_string_equal(check.kernels[0].release, "5.0");
	assert_string_equal(check.kernels[1].release, m->kver);
	assert_int_equal(check.kernels[0].modules, 0);
	assert_int_equal(check.kernels[1].modules, 1);
	assert_int_equal(check.n_findings, 0);
	mf_check_done(&check);
}

static int count_owner(void *arg, const struct mf_owned *module)
{
	int *n = arg;

	n[module->owner]++;
	assert_true(!module->label == (module->owner == MF_OWNER_NOBODY));
	assert_int_equal(*module->path, '/');
	return 0;
}

static void the_owners_are_listed(void **state)
{
	struct machine *m = installed(state);
	int n[MF_N_OWNERS] = { 0 };

	root_write(&m->root, in_kernel(m, "updates/x.ko"), "not read");
	root_link(&m->root, "soundcore.ko", in_kernel(m, "updates/y.ko"));
	assert_int_equal(mf_owned_each(&m->root.ctx, count_owner, n), 0);
	assert_int_equal(n[MF_OWNER_RPM], 1);
	assert_int_equal(n[MF_OWNER_NOBODY], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE(what_is_as_it_came_is_no_finding),
		MACHINE(a_kernel_that_has_no_folder_is_a_failure),
		MACHINE(without_the_keys_asked_for_nothing_is_judged),
		MACHINE(all_kernels_are_checked_in_their_order),
		MACHINE(the_owners_are_listed),
	};

	return UNIT_RUN(tests);
}

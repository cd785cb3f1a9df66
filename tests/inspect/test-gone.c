/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is left of a kernel that is gone. */
#include "tests/unit.h"
#include "tests/inspect/checked.h"

/* Exactly one finding of a check of all kernels, on the directory of 5.0; NULL: none. */
static void assert_left(struct machine *m, const char *package, enum mf_remedy remedy)
{
	struct mf_check check;

	assert_int_equal(mf_check(&m->root.ctx, true, &check), 0);
	assert_int_equal(check.n_findings, 1);
	assert_string_equal(check.findings[0].path, "/lib/modules/5.0");
	assert_int_equal(check.findings[0].code, -MFE_KERNEL_GONE);
	assert_null(check.findings[0].kernel);
	assert_int_equal(check.findings[0].remedy, remedy);
	if (package)
		assert_string_equal(check.findings[0].package, package);
	else
		assert_null(check.findings[0].package);
	mf_check_done(&check);
}

static void files_that_nobody_owns_are_left(void **state)
{
	struct machine *m = installed(state);
	struct mf_check check;

	root_write(&m->root, in_kernel(m, "modules.order"), "");
	index_all(m);
	root_mkdir(&m->root, "lib/modules/5.0/updates");
	root_write(&m->root, "usr/src/linux/x", "");
	root_link(&m->root, "/usr/src/linux", "lib/modules/5.0/build");
	assert_int_equal(mf_check(&m->root.ctx, true, &check), 0);
	assert_int_equal(check.n_findings, 0);
	mf_check_done(&check);
	root_write(&m->root, "lib/modules/5.0/modules.dep", "");
	assert_left(m, NULL, MF_REMEDY_CLEAN);
	root_write(&m->root, "lib/modules/5.0/updates/x.ko", "");
	assert_left(m, NULL, MF_REMEDY_NONE);
	root_write(&m->root, "var/lib/dpkg/info/old.list", "/lib/modules/5.0/updates/x.ko\n");
	assert_left(m, "old", MF_REMEDY_NONE);
}

static void indexes_are_removed_and_nothing_else(void **state)
{
	struct machine *m = installed(state);

	root_write(&m->root, "lib/modules/5.0/modules.dep", "");
	root_write(&m->root, "lib/modules/5.0/modules.order", "");
	root_mkdir(&m->root, "lib/modules/5.0/updates/dkms");
	assert_int_equal(mf_indexes_remove(&m->root.ctx, "5.0"), 0);
	assert_int_not_equal(faccessat(m->root.fd, "lib/modules/5.0/modules.dep", F_OK, 0), 0);
	assert_int_not_equal(faccessat(m->root.fd, "lib/modules/5.0/updates", F_OK, 0), 0);
	assert_int_equal(unlinkat(m->root.fd, "lib/modules/5.0/modules.order", 0), 0);
	assert_int_equal(mf_indexes_remove(&m->root.ctx, "5.0"), 0);
	assert_int_not_equal(faccessat(m->root.fd, "lib/modules/5.0", F_OK, 0), 0);
	assert_int_equal(mf_indexes_remove(&m->root.ctx, "5.0"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE(files_that_nobody_owns_are_left),
		MACHINE(indexes_are_removed_and_nothing_else),
	};

	return UNIT_RUN(tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said of the content of a module. */
#include "tests/unit.h"
#include "tests/inspect/checked.h"

static void a_changed_byte_is_found(void **state)
{
	struct machine *m = installed(state);

	flip(m, m->module);
	assert_found(m, m->module, -MFE_ALTERED, true);
	flip(m, m->module);
	flip(m, m->firmware);
	assert_found(m, m->firmware, -MFE_ALTERED, true);
}

static void a_module_that_others_may_write_is_found(void **state)
{
	struct machine *m = installed(state);

	static const mode_t modes[] = { 0666, 0664, 0646, 0620, 0602 };

	for (size_t i = 0; i < MF_ARRAY_SIZE(modes); i++) {
		assert_int_equal(fchmodat(m->root.fd, m->module, modes[i], 0), 0);
		assert_found(m, m->module, -MFE_ALTERED, true);
	}
	assert_int_equal(fchmodat(m->root.fd, m->module, 0600, 0), 0);
	assert_found(m, m->module, -MFE_ALTERED, true);
	/* without a package there is no mode to compare with */
	assert_int_equal(mf_tree_remove(m->root.fd, "var/lib/rpm"), 0);
	for (size_t i = 0; i < MF_ARRAY_SIZE(modes); i++) {
		assert_int_equal(fchmodat(m->root.fd, m->module, modes[i], 0), 0);
		assert_found(m, m->module, -MFE_ALTERED, false);
	}
}

static void a_file_that_is_no_module_is_found_whoever_brought_it(void **state)
{
	struct machine *m = installed(state);
	char path[300];

	snprintf(path, sizeof(path), "lib/modules/%s/extra/x.ko", m->kver);
	root_write(&m->root, path, "not an ELF file");
	index_all(m);
	assert_found(m, path, -MFE_BAD_MODULE, false);
}

static void a_module_of_another_kernel_is_found(void **state)
{
	struct machine *m = installed(state);
	char here[300], there[300];

	free(m->root.ctx.kernel);
	m->root.ctx.kernel = strdup(KERNEL "-other");
	snprintf(here, sizeof(here), "lib/modules/%s", m->kver);
	snprintf(there, sizeof(there), "lib/modules/" KERNEL "-other");
	assert_int_equal(renameat(m->root.fd, here, m->root.fd, there), 0);
	snprintf(there, sizeof(there), "lib/modules/" KERNEL "-other/updates/soundcore.ko");
	assert_found(m, there, -MFE_WRONG_KERNEL, false);
}

static void a_module_that_another_of_its_name_overrides_is_no_finding(void **state)
{
	struct machine *m = installed(state);
	char path[300];

	snprintf(path, sizeof(path), "lib/modules/%s/kernel/soundcore.ko", m->kver);
	copy_module(m, path);
	index_all(m);
	assert_nothing(m, 2);
	/* but its bytes are checked */
	root_write(&m->root, path, "not an ELF file");
	assert_found(m, path, -MFE_BAD_MODULE, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE(a_changed_byte_is_found),
		MACHINE(a_module_that_others_may_write_is_found),
		MACHINE(a_file_that_is_no_module_is_found_whoever_brought_it),
		MACHINE(a_module_of_another_kernel_is_found),
		MACHINE(a_module_that_another_of_its_name_overrides_is_no_finding),
	};

	return UNIT_RUN(tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Modules that others need. */
#include "tests/unit.h"
#include "tests/inspect/checked.h"

static void a_missing_module_is_reported_once(void **state)
{
	struct machine *m = installed(state);

	real_module(m, "kernel/fs/fat/vfat.ko", in_kernel(m, "kernel/vfat.ko"));
	real_module(m, "kernel/fs/fat/msdos.ko", in_kernel(m, "kernel/msdos.ko"));
	root_write(&m->root, in_kernel(m, "modules.order"), "");
	index_all(m);
	assert_found(m, in_kernel(m, "kernel/msdos.ko"), -MFE_NO_DEPENDENCY, false);
	real_module(m, "kernel/fs/fat/fat.ko", in_kernel(m, "updates/fat.ko"));
	index_all(m);
	assert_nothing(m, 4);
}

/* Other kernels have them as links. */
static void drivers_without_their_kernel_need_nothing(void **state)
{
	struct machine *m = installed(state);

	real_module(m, "kernel/fs/fat/vfat.ko", in_kernel(m, "kernel/vfat.ko"));
	index_all(m);
	assert_nothing(m, 2);
}

static void a_builtin_module_is_there(void **state)
{
	struct machine *m = installed(state);

	real_module(m, "kernel/fs/fat/vfat.ko", in_kernel(m, "kernel/vfat.ko"));
	root_write(&m->root, in_kernel(m, "modules.builtin"), "kernel/fs/fat/fat.ko\n");
	index_all(m);
	assert_nothing(m, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE(a_missing_module_is_reported_once),
		MACHINE(drivers_without_their_kernel_need_nothing),
		MACHINE(a_builtin_module_is_there),
	};

	return UNIT_RUN(tests);
}

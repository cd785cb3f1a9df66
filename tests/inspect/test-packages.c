/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of packages that are no modules, or missing. */
#include "tests/unit.h"
#include "tests/inspect/checked.h"

static void firmware_that_is_gone_or_a_link_is_found(void **state)
{
	struct machine *m = installed(state);

	assert_int_equal(unlinkat(m->root.fd, m->firmware, 0), 0);
	assert_found(m, m->firmware, -MFE_ALTERED, true);
	root_link(&m->root, "/etc/passwd", m->firmware);
	assert_found(m, m->firmware, -MFE_ALTERED, true);
}

static void a_missing_module_is_one_finding(void **state)
{
	struct machine *m = installed(state);

	assert_int_equal(unlinkat(m->root.fd, m->module, 0), 0);
	assert_found(m, m->module, -MFE_ALTERED, true);
	index_all(m);
	assert_found(m, m->module, -MFE_ALTERED, true);
}

static void a_debian_package_may_lack_most_of_its_modules(void **state)
{
	struct machine *m = installed(state);
	char list[900];

	real_module(m, "kernel/drivers/block/loop.ko", in_kernel(m, "kernel/loop.ko"));
	real_module(m, "kernel/drivers/net/mii.ko", in_kernel(m, "kernel/mii.ko"));
	index_all(m);
	snprintf(list, sizeof(list), "/%s\n/%s\n/%s\n", in_kernel(m, "kernel/loop.ko"),
		 in_kernel(m, "kernel/mii.ko"), in_kernel(m, "kernel/gone.ko"));
	root_write(&m->root, "var/lib/dpkg/info/image.list", list);
	assert_found_in(m, in_kernel(m, "kernel/gone.ko"), -MFE_ALTERED, "image");
	assert_int_equal(unlinkat(m->root.fd, in_kernel(m, "kernel/mii.ko"), 0), 0);
	index_all(m);
	assert_nothing(m, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE(firmware_that_is_gone_or_a_link_is_found),
		MACHINE(a_missing_module_is_one_finding),
		MACHINE(a_debian_package_may_lack_most_of_its_modules),
	};

	return UNIT_RUN(tests);
}

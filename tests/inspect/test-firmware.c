/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The firmware of drivers. */
#include "tests/unit.h"
#include "tests/inspect/checked.h"

#define DEVICE "pci:v00008086d00001229sv00000000sd00000000bc02sc00i00"

/* The driver e100, which has three firmware files. */
static struct machine *with_driver(void **state)
{
	struct machine *m = installed(state);

	real_module(m, "kernel/drivers/net/mii.ko", in_kernel(m, "kernel/mii.ko"));
	real_module(m, "kernel/drivers/net/ethernet/intel/e100.ko", in_kernel(m, "kernel/e100.ko"));
	index_all(m);
	return m;
}

static void without_a_device_it_is_only_counted(void **state)
{
	struct machine *m = with_driver(state);
	struct mf_check check;

	assert_int_equal(mf_check(&m->root.ctx, false, &check), 0);
	assert_int_equal(check.n_findings, 0);
	assert_int_equal(check.kernels[0].no_firmware, 1);
	mf_check_done(&check);
}

static void with_a_device_any_of_its_files_is_enough(void **state)
{
	static const char *const files[] = {
		"lib/firmware/e100/d101m_ucode.bin",
		"lib/firmware/updates/e100/d102e_ucode.bin",
		"lib/firmware/e100/d101s_ucode.bin.xz",
	};
	struct machine *m = with_driver(state);

	root_write(&m->root, "sys/devices/x/modalias", DEVICE "\n");
	assert_found(m, in_kernel(m, "kernel/e100.ko"), -MFE_NO_FIRMWARE, false);
	for (size_t i = 0; i < MF_ARRAY_SIZE(files); i++) {
		root_write(&m->root, files[i], "x");
		assert_nothing(m, 3);
		assert_int_equal(unlinkat(m->root.fd, files[i], 0), 0);
	}
	root_write(&m->root, "etc/modprobe.d/x.conf", "blacklist e100\n");
	assert_nothing(m, 3);
}

static void a_kernel_reads_the_forms_that_it_was_built_for(void **state)
{
	struct machine *m = with_driver(state);
	char config[200];

	snprintf(config, sizeof(config), "boot/config-%s", m->kver);
	root_write(&m->root, "sys/devices/x/modalias", DEVICE "\n");
	root_write(&m->root, "lib/firmware/e100/d101m_ucode.bin.zst", "x");
	assert_nothing(m, 3);
	root_write(&m->root, config, "CONFIG_FW_LOADER_COMPRESS_XZ=y\n");
	assert_found(m, in_kernel(m, "kernel/e100.ko"), -MFE_NO_FIRMWARE, false);
	root_write(&m->root, config, "CONFIG_FW_LOADER_COMPRESS_ZSTD=y\n");
	assert_nothing(m, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE(without_a_device_it_is_only_counted),
		MACHINE(with_a_device_any_of_its_files_is_enough),
		MACHINE(a_kernel_reads_the_forms_that_it_was_built_for),
	};

	return UNIT_RUN(tests);
}

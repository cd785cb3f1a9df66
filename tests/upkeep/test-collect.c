/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a kernel must have: all sources, and what another kernel has. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/asked.h"
#include "modfetch/depmod.h"
#include "tests/trees.h"
#include "src/upkeep/needs.h"

#define DRIVER "kernel/drivers/acpi/button.ko"
#define DEVICE "acpi:PNP0C0C:"

static const char *other(void)
{
	return strrchr(tree_of("default"), '/') + 1;
}

static bool has(const struct needs *needs, const char *query)
{
	for (size_t i = 0; i < needs->n; i++)
		if (!strcmp(needs->wants.v[i].query, query))
			return true;
	return false;
}

static struct need find(const struct needs *needs, const char *query)
{
	struct need found = { 0 };

	assert_true(has(needs, query));
	for (size_t i = 0; i < needs->n; i++)
		if (!strcmp(needs->wants.v[i].query, query))
			found = needs->v[i];
	return found;
}

/* Another kernel, a real one, with the driver of the power button. */
static void other_kernel(struct root *r)
{
	_cleanup_free_ char *from = mf_format("%s/%s", tree_of("default"), DRIVER), *bytes = NULL;
	char path[300];
	size_t len;

	assert_int_equal(mf_file_read_at(AT_FDCWD, from, 64 << 20, &bytes, &len), 0);
	snprintf(path, sizeof(path), "lib/modules/%s/" DRIVER, other());
	root_write_bytes(r, path, bytes, len);
	snprintf(path, sizeof(path), "lib/modules/%s/modules.order", other());
	root_write(r, path, "");
	assert_int_equal(mf_depmod(&r->ctx, &(struct mf_depmod_options){ .kernel = other() }, NULL),
			 0);
}

static void all_sources_are_collected(void **state)
{
	struct root *r = *state;
	struct needs needs = { 0 };

	root_write(r, "etc/fstab", "/dev/vdb /data xfs\n");
	root_write(r, "etc/initramfs-tools/modules", "nvme\n");
	root_write(r, "etc/modules-load.d/x.conf", "br_netfilter\n");
	root_write(r, "sys/devices/pci0/modalias", DEVICE "\n");
	root_write(r, "proc/modules", "dummy 1 0 - Live 0x0\n");
	root_write(r, MF_ASKED_FILE,
		   "name wireguard 2026-11-29\npackage nbd-kmp 2026-11-29\n"
		   "pattern kernel-sound-driver-all 2026-11-29\ndevice usb:v1234 2099-01-01\n");
	assert_int_equal(upkeep_collect(&r->ctx, &needs), 0);
	assert_false(find(&needs, "fs-xfs").must);
	assert_true(find(&needs, "nvme").must);
	assert_false(find(&needs, "br_netfilter").must);
	assert_false(find(&needs, DEVICE).must);
	assert_string_equal(find(&needs, DEVICE).wanted, "the device /sys/devices/pci0 needs it");
	assert_true(find(&needs, "wireguard").must);
	assert_string_equal(find(&needs, "wireguard").wanted, "it was asked for by name");
	assert_false(find(&needs, "usb:v1234").must);
	/* the modules of the host are not those of an image */
	assert_false(has(&needs, "dummy"));
	assert_int_equal(needs.names.n, 2);
	assert_string_equal(needs.names.v[0], "nbd-kmp");
	upkeep_needs_done(&needs);
}

static void a_driver_that_another_kernel_has_for_a_device_is_certain(void **state)
{
	struct root *r = *state;
	struct needs needs = { 0 };

	other_kernel(r);
	root_write(r, "sys/devices/pci0/modalias", DEVICE "\n");
	assert_int_equal(upkeep_collect(&r->ctx, &needs), 0);
	assert_true(find(&needs, "button").must);
	assert_string_equal(find(&needs, "button").wanted, "the device /sys/devices/pci0 needs it");
	/* the device itself stays, for what the new kernel has for it, and without an answer yet */
	assert_true(has(&needs, DEVICE));
	assert_int_equal(needs.wants.v[0].n_matches, 0);
	/* for the name a blacklist counts too, as for the device */
	for (size_t i = 0; i < needs.n; i++)
		assert_true(needs.wants.v[i].device);
	upkeep_needs_done(&needs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(all_sources_are_collected),
		ROOTED(a_driver_that_another_kernel_has_for_a_device_is_certain),
	};

	return UNIT_RUN(tests);
}

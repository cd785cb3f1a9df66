/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Block devices as the kernel shows them, and the modules that each of them needs. */
#include "tests/unit.h"
#include "sysfs.h"

#define PCI "devices/pci0000:00/0000:00:1f.2"

/* A disk with two partitions at a controller. */
static void make_disk(const struct root *r)
{
	sysfs_device(r, PCI, "ahci", "ahci");
	sysfs_device(r, PCI "/ata1/host0/target0:0:0/0:0:0:0", "sd", "sd_mod");
	sysfs_block(r, "8:0", PCI "/ata1/host0/target0:0:0/0:0:0:0/block/sda");
	sysfs_block(r, "8:1", PCI "/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1");
	root_write(r, "sys/" PCI "/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1/partition", "1\n");
}

static void a_partition_needs_disk_and_controller(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_needs_done) struct mf_needs needs = needs_new(r);

	make_disk(r);
	assert_int_equal(mf_needs_block(&needs, "8:1"), 0);
	assert_names(&needs.required, "ahci sd_mod");
	assert_int_equal(needs.useful.n, 0);
}

static void an_unknown_number_needs_nothing(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_needs_done) struct mf_needs needs = needs_new(r);

	make_disk(r);
	assert_int_equal(mf_needs_block(&needs, "0:25"), 0);
	assert_names(&needs.required, "");
}

static void an_encrypted_device_needs_what_it_is_made_of(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_needs_done) struct mf_needs needs = needs_new(r);

	make_disk(r);
	sysfs_block(r, "254:0", "devices/virtual/block/dm-0");
	root_write(r, "sys/devices/virtual/block/dm-0/dm/uuid", "CRYPT-LUKS2-0a-root\n");
	sysfs_link(r, "sys/devices/virtual/block/dm-0/slaves/sda1",
		   PCI "/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1");
	assert_int_equal(mf_needs_block(&needs, "254:0"), 0);
	assert_names(&needs.required, "ahci dm_crypt dm_mod sd_mod");
	assert_true(needs.encrypted);
}

static void a_logical_volume_needs_the_targets_in_use(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_needs_done) struct mf_needs needs = needs_new(r);

	sysfs_block(r, "254:1", "devices/virtual/block/dm-1");
	root_write(r, "sys/devices/virtual/block/dm-1/dm/uuid", "LVM-abc\n");
	root_write(r, "sys/module/dm_thin_pool/refcnt", "3\n");
	root_write(r, "sys/module/dm_snapshot/refcnt", "0\n");
	root_write(r, "sys/module/ahci/refcnt", "3\n");
	assert_int_equal(mf_needs_block(&needs, "254:1"), 0);
	assert_names(&needs.required, "dm_mod dm_thin_pool");
	assert_false(needs.encrypted);
}

static void a_raid_needs_its_level(void **state)
{
	static const struct {
		const char *level, *modules;
	} levels[] = {
		{ "raid1\n", "ahci md_mod raid1 sd_mod" },
		{ "raid6\n", "ahci md_mod raid456 sd_mod" },
		{ "container\n", "ahci md_mod sd_mod" },
	};
	struct root *r = *state;

	make_disk(r);
	sysfs_block(r, "9:0", "devices/virtual/block/md0");
	sysfs_link(r, "sys/devices/virtual/block/md0/slaves/sda1",
		   PCI "/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1");
	for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
		_cleanup_(mf_needs_done) struct mf_needs needs = needs_new(r);

		root_write(r, "sys/devices/virtual/block/md0/md/level", levels[i].level);
		assert_int_equal(mf_needs_block(&needs, "9:0"), 0);
		assert_names(&needs.required, levels[i].modules);
	}
}

/* With several paths, the disk is below a virtual device and the controller is a link. */
static void an_nvme_disk_with_paths_needs_its_controller(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_needs_done) struct mf_needs needs = needs_new(r);

	sysfs_device(r, "devices/pci0000:00/0000:00:04.0", "nvme", "nvme");
	sysfs_device(r, "devices/pci0000:00/0000:00:04.0/nvme/nvme0", NULL, NULL);
	sysfs_block(r, "259:0", "devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1");
	sysfs_link(r, "sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0",
		   "devices/pci0000:00/0000:00:04.0/nvme/nvme0");
	assert_int_equal(mf_needs_block(&needs, "259:0"), 0);
	assert_names(&needs.required, "nvme");
}

static void a_supplier_counts(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_needs_done) struct mf_needs needs = needs_new(r);

	sysfs_device(r, "devices/platform/clocks", "clk-x", "clk_x");
	sysfs_device(r, "devices/platform/mmc", "sdhci-x", "sdhci_x");
	sysfs_link(r, "sys/devices/platform/mmc/supplier:platform:clocks",
		   "devices/virtual/devlink/platform:clocks--platform:mmc");
	sysfs_link(r, "sys/devices/virtual/devlink/platform:clocks--platform:mmc/supplier",
		   "devices/platform/clocks");
	sysfs_block(r, "179:0", "devices/platform/mmc/block/mmcblk0");
	assert_int_equal(mf_needs_block(&needs, "179:0"), 0);
	assert_names(&needs.required, "clk_x sdhci_x");
}

static void all_devices_of_a_btrfs_count(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_needs_done) struct mf_needs needs = needs_new(r);

	make_disk(r);
	sysfs_device(r, "devices/pci0000:00/0000:00:05.0", "virtio-pci", "virtio_pci");
	sysfs_block(r, "253:0", "devices/pci0000:00/0000:00:05.0/virtio1/block/vda");
	sysfs_link(r, "sys/fs/btrfs/0a-0b/devices/sda1",
		   PCI "/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1");
	sysfs_link(r, "sys/fs/btrfs/0a-0b/devices/vda",
		   "devices/pci0000:00/0000:00:05.0/virtio1/block/vda");
	root_mkdir(r, "sys/fs/btrfs/features");
	assert_int_equal(mf_needs_btrfs(&needs, "8:1"), 0);
	assert_names(&needs.required, "ahci sd_mod virtio_pci");
}

/* A copied sysfs may be hostile: rings, links that leave it, names that no module has. */
static void hostile_links_end(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_needs_done) struct mf_needs needs = needs_new(r);

	sysfs_block(r, "9:0", "devices/virtual/block/md0");
	sysfs_link(r, "sys/devices/virtual/block/md0/slaves/md0", "devices/virtual/block/md0");
	sysfs_link(r, "sys/devices/virtual/block/md0/slaves/out", "../etc");
	root_link(r, "/etc", "sys/devices/virtual/block/md0/slaves/absolute");
	sysfs_device(r, "devices/virtual/block/md0", "x", "..%2f;evil");
	assert_int_equal(mf_needs_block(&needs, "9:0"), 0);
	assert_names(&needs.required, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_partition_needs_disk_and_controller),
		ROOTED(an_unknown_number_needs_nothing),
		ROOTED(an_encrypted_device_needs_what_it_is_made_of),
		ROOTED(a_logical_volume_needs_the_targets_in_use),
		ROOTED(a_raid_needs_its_level),
		ROOTED(an_nvme_disk_with_paths_needs_its_controller),
		ROOTED(a_supplier_counts),
		ROOTED(all_devices_of_a_btrfs_count),
		ROOTED(hostile_links_end),
	};

	return UNIT_RUN(tests);
}

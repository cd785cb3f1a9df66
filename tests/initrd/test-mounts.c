/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fstab and the table of mounts. */
#include "tests/unit.h"
#include "sysfs.h"

static void fstab_of_an_image_gives_types(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_needs_done) struct mf_needs needs = needs_new(r);

	root_write(r, "etc/fstab",
		   "# comment\n"
		   "UUID=1 / ext3 errors=remount-ro 0 1\n"
		   "UUID=2 /usr xfs defaults 0 2\n"
		   "UUID=3 /home jfs defaults 0 2\n"
		   "UUID=4 /var f2fs noatime,x-initrd.mount 0 2\n"
		   "UUID=5 none swap sw 0 0\n"
		   "UUID=6 /a auto x-initrd.mount 0 0\n"
		   "bad line\n");
	assert_int_equal(mf_needs_mounts(&needs, false), 0);
	assert_names(&needs.required, "ext4 f2fs xfs");
}

static void without_fstab_nothing_is_known(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_needs_done) struct mf_needs needs = needs_new(r);

	assert_int_equal(mf_needs_mounts(&needs, true), 0);
	assert_names(&needs.required, "");
}

/* What is mounted counts more than the line in fstab, and its device counts too. */
static void the_table_of_mounts_decides(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_needs_done) struct mf_needs needs = needs_new(r);

	root_write(r, "etc/fstab",
		   "UUID=1 / ext3 defaults 0 1\nUUID=2 /a\\040b auto x-initrd.mount 0 0\n");
	root_write(r, "proc/self/mountinfo",
		   "1 1 0:2 / / rw - rootfs rootfs rw\n"
		   "22 1 8:1 / / rw,relatime shared:1 - xfs /dev/sda1 rw\n"
		   "23 22 8:1 / /mnt rw - jfs /dev/sda1 rw\n"
		   "24 22 253:0 / /a\\040b rw - f2fs /dev/vda rw\n"
		   "garbage\n- - -\n");
	sysfs_device(r, "devices/a", "ahci", "ahci");
	sysfs_block(r, "8:1", "devices/a/block/sda1");
	sysfs_device(r, "devices/b", "virtio_blk", "virtio_blk");
	sysfs_block(r, "253:0", "devices/b/block/vda");
	assert_int_equal(mf_needs_mounts(&needs, true), 0);
	assert_names(&needs.required, "ahci f2fs virtio_blk xfs");
}

static void the_device_to_resume_from_counts(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_needs_done) struct mf_needs needs = needs_new(r);

	root_write(r, "sys/power/resume", "0:0\n");
	sysfs_device(r, "devices/a", "ahci", "ahci");
	sysfs_block(r, "8:2", "devices/a/block/sda2");
	assert_int_equal(mf_needs_mounts(&needs, true), 0);
	assert_names(&needs.required, "");
	root_write(r, "sys/power/resume", "8:2\n");
	assert_int_equal(mf_needs_mounts(&needs, true), 0);
	assert_names(&needs.required, "ahci");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(fstab_of_an_image_gives_types),
		ROOTED(without_fstab_nothing_is_known),
		ROOTED(the_table_of_mounts_decides),
		ROOTED(the_device_to_resume_from_counts),
	};

	return UNIT_RUN(tests);
}

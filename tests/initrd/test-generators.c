/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The configuration of the two generators. */
#include "tests/unit.h"
#include "sysfs.h"
#include "src/initrd/generator.h"

static void write_configuration(const struct root *r)
{
	root_write(r, "etc/initramfs-tools/modules",
		   "# List of modules\n\nusb-storage\n raid1 # a comment\nfoo bar=1\n../x\n");
	root_write(r, "usr/share/initramfs-tools/modules.d/extra", "from_package\n");
	root_write(r, "etc/dracut.conf", "#add_drivers+=\" no \"\nhostonly=yes\n");
	root_write(r, "etc/dracut.conf.d/a.conf",
		   "add_drivers+=\" virtio-blk  igb \"\nforce_drivers=' nvme ' # yes\n"
		   "add_drivers+=\" =drivers/usb $(id) ${x} \"\nadd_drivers_x=\" no \"\n");
	root_write(r, "etc/dracut.conf.d/README", "add_drivers+=\" no \"\n");
	root_write(r, "proc/cmdline", "quiet rd.driver.pre=ipmi-si,e1000e root=/dev/sda\n");
}

static void no_generator_no_configuration(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_needs_done) struct mf_needs needs = needs_new(r);

	write_configuration(r);
	assert_int_equal(mf_generator_find(&r->ctx), MF_GENERATOR_NONE);
	assert_int_equal(mf_needs_generator(&needs), 0);
	assert_names(&needs.required, "");
}

static void lists_of_initramfs_tools_are_read(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_needs_done) struct mf_needs needs = needs_new(r);

	write_configuration(r);
	root_write(r, "usr/sbin/update-initramfs", "");
	root_write(r, "usr/bin/dracut", "");
	assert_int_equal(mf_needs_generator(&needs), 0);
	assert_names(&needs.required, "foo from_package raid1 usb_storage");
}

static void drivers_of_dracut_are_read(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_needs_done) struct mf_needs needs = needs_new(r);

	write_configuration(r);
	root_write(r, "usr/bin/dracut", "");
	assert_int_equal(mf_generator_find(&r->ctx), MF_GENERATOR_DRACUT);
	assert_int_equal(mf_needs_generator(&needs), 0);
	assert_names(&needs.required, "e1000e igb ipmi_si nvme virtio_blk");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(no_generator_no_configuration),
		ROOTED(lists_of_initramfs_tools_are_read),
		ROOTED(drivers_of_dracut_are_read),
	};

	return UNIT_RUN(tests);
}

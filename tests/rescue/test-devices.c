/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which devices have no driver, and which disks may be a medium. */
#include "tests/unit.h"
#include "tests/root.h"
#include "src/rescue/rescue.h"

#define PCI	"sys/devices/pci0000:00/"
#define STORAGE "pci:v00001000d00000060sv00001000sd00001006bc01sc04i00"
#define DISPLAY "pci:v00001234d00001111sv00001AF4sd00001100bc03sc00i00"

static void only_devices_without_a_driver_count(void **state)
{
	_cleanup_(root_done) struct root root;
	_cleanup_(mf_strings_done) struct mf_strings found = { 0 };

	root_init(&root);
	root_write(&root, PCI "1/modalias", STORAGE "\n");
	root_write(&root, PCI "2/modalias", STORAGE "\n");
	root_write(&root, PCI "3/modalias", DISPLAY "\n");
	root_write(&root, PCI "4/modalias", "usb:v1-2\n");
	root_link(&root, "../../../bus/pci/drivers/x", PCI "4/driver");
	root_write(&root, PCI "4/below/uevent", "A=1\nMODALIAS=virtio:d00000002v00001AF4\n");
	root_write(&root, PCI "5/modalias", "pci:[broken\n");
	root_write(&root, "elsewhere/modalias", "usb:elsewhere\n");
	root_link(&root, "../../../elsewhere", PCI "link");
	assert_int_equal(rescue_devices(&root.ctx, &found), 0);
	mf_strings_sort(&found);
	assert_int_equal(found.n, 2);
	assert_string_equal(found.v[0], STORAGE);
	assert_string_equal(found.v[1], "virtio:d00000002v00001AF4");
}

static void only_disks_that_can_be_plugged_in_are_tried(void **state)
{
	static const char *const disks[] = { "pci/usb1/block/sda", "pci/usb1/block/sda/sda1",
					     "pci/ata1/block/sdb", "pci/ata1/block/sdb/sdb1",
					     "pci/ata2/block/sr0", "virtual/block/loop0" };
	_cleanup_(root_done) struct root root;
	_cleanup_(mf_strings_done) struct mf_strings found = { 0 };
	char path[128], target[128];

	root_init(&root);
	assert_int_equal(rescue_find_disks(&root.ctx, &found), 0);
	root_mkdir(&root, "sys/class/block");
	for (size_t i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "sys/devices/%s", disks[i]);
		root_mkdir(&root, path);
		snprintf(target, sizeof(target), "../../devices/%s", disks[i]);
		snprintf(path, sizeof(path), "sys/class/block%s", strrchr(disks[i], '/'));
		root_link(&root, target, path);
	}
	root_write(&root, "sys/devices/pci/ata1/block/sdb/removable", "0\n");
	root_write(&root, "sys/devices/pci/ata2/block/sr0/removable", "1\n");
	root_write(&root, "sys/devices/virtual/block/loop0/removable", "1\n");
	assert_int_equal(rescue_find_disks(&root.ctx, &found), 0);
	assert_int_equal(found.n, 3);
	assert_string_equal(found.v[0], "/dev/sda");
	assert_string_equal(found.v[1], "/dev/sda1");
	assert_string_equal(found.v[2], "/dev/sr0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(only_devices_without_a_driver_count),
		UNIT(only_disks_that_can_be_plugged_in_are_tried),
	};

	return UNIT_RUN(tests);
}

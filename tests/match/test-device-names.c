/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names from pci.ids and usb.ids, and what stands in for them. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/array.h"
#include "modfetch/device-names.h"

#define NIC   "pci:v00008086d000010D3sv00008086sd0000A01Fbc02sc00i00"
#define OTHER "pci:v00008086d0000FFFEsv00000000sd00000000bc02sc80i00"
#define GPU   "pci:v00001002d00001234sv00000000sd00000000bc03sc00i00"
#define ODD   "pci:v0000FFF1d00000001sv00000000sd00000000bc01sc08i02"
#define USB   "usb:v0BDAp8153d3100dc00dsc00dp00icFFiscFFip00in00"

static const char pci_ids[] = "# a comment\n"
			      "1002  Advanced Micro Devices, Inc. [AMD/ATI]\n"
			      "\t1234  Navi 99 [Radeon X]\n"
			      "\t\t8086 10d3  A subsystem\n"
			      "8086  Intel Corporation\n"
			      "\t10d2  The one before\n"
			      "\t10d3  82574L Gigabit Network Connection\n"
			      "\t\t103c 1234  Not this\n"
			      "C 02  Network controller\n"
			      "\t10d3  a class, not a device\n"
			      "fff1\n";

static const char usb_ids[] = "0bda  Realtek Semiconductor Co., Ltd.\n"
			      "\t8153  RTL8153 Gigabit Ethernet Adapter\n"
			      "046d  Logitech, Inc.\n"
			      "\tc52b  Logitech Unifying Receiver\n";

static void assert_name(const struct root *root, const char *modalias, const char *expected)
{
	struct mf_device_name name = { .modalias = modalias };

	mf_device_names_read(&root->ctx, &name, 1);
	assert_non_null(name.name);
	assert_string_equal(name.name, expected);
	mf_device_names_done(&name, 1);
}

static void devices_have_their_names(void **state)
{
	const struct root *root = *state;

	root_write(root, "usr/share/hwdata/pci.ids", pci_ids);
	root_write(root, "usr/share/misc/usb.ids", usb_ids);
	assert_name(root, NIC, "Intel 82574L Gigabit Network Connection");
	assert_name(root, GPU, "AMD/ATI Navi 99 [Radeon X]");
	assert_name(root, USB, "Realtek RTL8153 Gigabit Ethernet Adapter");
	assert_name(root, "hid:b0003g0001v0000046Dp0000C52B", "Logitech Unifying Receiver");
}

static void the_class_stands_in_for_an_unknown_name(void **state)
{
	const struct root *root = *state;

	assert_name(root, NIC, "Ethernet controller");
	assert_name(root, "acpi:PNP0C09:", "firmware device");
	assert_name(root, "nonsense", "device");
	root_write(root, "usr/share/hwdata/pci.ids", pci_ids);
	assert_name(root, OTHER, "Intel network controller");
	assert_name(root, ODD, "NVMe controller");
	/* a PCI name is no name of a USB device with the same numbers */
	assert_name(root, "usb:v8086p10D3d0000dc00dsc00dp00ic0Eisc00ip00in00", "video device");
}

static void all_are_answered_at_once(void **state)
{
	const struct root *root = *state;
	struct mf_device_name names[] = {
		{ .modalias = USB }, { .modalias = NIC }, { .modalias = NULL }, { .modalias = NIC }
	};

	root_write(root, "usr/share/hwdata/pci.ids", pci_ids);
	root_write(root, "usr/share/misc/usb.ids", usb_ids);
	mf_device_names_read(&root->ctx, names, MF_ARRAY_SIZE(names));
	assert_string_equal(names[0].name, "Realtek RTL8153 Gigabit Ethernet Adapter");
	assert_string_equal(names[1].name, "Intel 82574L Gigabit Network Connection");
	assert_string_equal(names[2].name, "device");
	assert_string_equal(names[3].name, names[1].name);
	mf_device_names_done(names, MF_ARRAY_SIZE(names));
	mf_device_names_read(&root->ctx, NULL, 0);
}

static void a_file_of_odd_bytes_does_no_harm(void **state)
{
	const struct root *root = *state;
	char long_line[4000];

	memset(long_line, 'x', sizeof(long_line));
	memcpy(long_line, "8086  ", 6);
	long_line[sizeof(long_line) - 1] = '\0';
	root_write(root, "usr/share/hwdata/pci.ids", long_line);
	{
		struct mf_device_name name = { .modalias = NIC };

		mf_device_names_read(&root->ctx, &name, 1);
		assert_true(strlen(name.name) < 110);
		mf_device_names_done(&name, 1);
	}
	root_write_bytes(root, "usr/share/hwdata/pci.ids",
			 "\t\n\t\0\n8086\n8086  \n80\n\t10d3  x\n", 30);
	assert_name(root, NIC, "Ethernet controller");
	root_write(root, "usr/share/hwdata/pci.ids", "8086  [\n\t10d3  ]\n");
	assert_name(root, NIC, "[ ]");
	root_write(root, "usr/share/hwdata/pci.ids", "8086  Inc. []\n\t10d3  Inc.\n");
	assert_name(root, NIC, "Inc. [] Inc.");
}

static void links_stay_in_the_root_and_no_other_file_is_opened(void **state)
{
	const struct root *root = *state;

	root_write(root, "var/lib/usbutils/usb.ids", usb_ids);
	root_mkdir(root, "usr/share/misc");
	root_link(root, "/var/lib/usbutils/usb.ids", "usr/share/misc/usb.ids");
	assert_name(root, USB, "Realtek RTL8153 Gigabit Ethernet Adapter");
	/* a pipe would block for ever */
	assert_int_equal(mkfifoat(root->fd, "usr/share/misc/pci.ids", 0644), 0);
	assert_name(root, NIC, "Ethernet controller");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(devices_have_their_names),
		ROOTED(the_class_stands_in_for_an_unknown_name),
		ROOTED(all_are_answered_at_once),
		ROOTED(a_file_of_odd_bytes_does_no_harm),
		ROOTED(links_stay_in_the_root_and_no_other_file_is_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a modalias says of a device, and which devices need a driver. */
#include "tests/unit.h"
#include <stdlib.h>
#include "modfetch/array.h"
#include "modfetch/device-names.h"

static void the_numbers_and_the_class_are_read(void **state)
{
	struct mf_device_id id =
		mf_device_id_parse("pci:v00008086d000010D3sv00008086sd0000A01Fbc02sc00i00");

	assert_string_equal(id.bus, "pci");
	assert_true(id.numbered);
	assert_int_equal(id.vendor, 0x8086);
	assert_int_equal(id.product, 0x10d3);
	assert_int_equal(id.class, 2);
	assert_int_equal(id.subclass, 0);
	assert_string_equal(mf_device_class(&id), "Ethernet controller");
	id = mf_device_id_parse("usb:v0BDAp8153d3100dc00dsc00dp00icFFiscFFip00in00");
	assert_int_equal(id.vendor, 0x0bda);
	assert_int_equal(id.product, 0x8153);
	assert_int_equal(id.class, 0xff);
	id = mf_device_id_parse("hid:b0003g0001v0000046Dp0000C52B");
	assert_int_equal(id.vendor, 0x46d);
	assert_int_equal(id.product, 0xc52b);
	id = mf_device_id_parse("virtio:d00000002v00001AF4");
	assert_string_equal(mf_device_class(&id), "virtual disk");
}

static void any_text_is_accepted(void **state)
{
	static const char *const texts[] = {
		"",
		":",
		"pci:",
		"pci:v",
		"pci:v00008086d000010d3",
		"usb:v0BDAp8153*",
		"e1000e",
		"pci:vFFFFFFFFdFFFFFFFFsvFFFFFFFFsdFFFFFFFFbcZZscFFiFF",
		"averyverylongnameofabus:x",
		"virtio:dFFFFFFFFv0",
		"pci:v0000808",
		"usb:v\xff\xff",
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(texts); i++) {
		struct mf_device_id id = mf_device_id_parse(texts[i]);
		char *numbers = mf_device_numbers(texts[i]);

		assert_non_null(mf_device_class(&id));
		assert_int_equal(id.class, -1);
		assert_non_null(numbers);
		free(numbers);
	}
	/* a prefix has the numbers, but no class */
	assert_true(mf_device_id_parse("usb:v0BDAp8153*").numbered);
	/* the kernel writes capitals */
	assert_false(mf_device_id_parse("pci:v00008086d000010d3").numbered);
}

static bool needs(const char *modalias)
{
	struct mf_device_id id = mf_device_id_parse(modalias);

	return mf_device_needs_driver(&id);
}

#define PCI(class) "pci:v00008086d00001237sv00000000sd00000000" class
#define USB(class) "usb:v1234p5678d0100dc00dsc00dp00" class "in00"

static void devices_that_a_person_would_miss_need_a_driver(void **state)
{
	static const char *const missed[] = {
		PCI("bc02sc00i00"),	     PCI("bc02sc80i00"),   PCI("bc01sc08i02"),
		PCI("bc03sc00i00"),	     PCI("bc04sc03i00"),   PCI("bc08sc05i01"),
		PCI("bc06sc07i00"),	     PCI("bcFFsc00i00"), /* card readers have it */
		PCI("bc0Csc03i30"),	     PCI("bc0Bsc40i00"),   USB("icFFiscFFip00"),
		USB("ic08isc06ip50"),	     USB("icE0isc01ip01"), USB("ic0Eisc01ip00"),
		"virtio:d00000001v00001AF4", "sdio:c00v02D0d4324", "vmbus:f8615163df3e46c5",
		"pci:v0000FFFFd00000001*", /* its class is not known */
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(missed); i++)
		if (!needs(missed[i]))
			fail_msg("%s", missed[i]);
}

static void devices_of_every_machine_need_none(void **state)
{
	static const char *const plain[] = {
		PCI("bc06sc00i00"),
		PCI("bc06sc01i00"),
		PCI("bc06sc80i00"),
		PCI("bc05sc80i00"),
		PCI("bc08sc80i00"),
		PCI("bc08sc06i00"),
		PCI("bc0Csc05i00"),
		PCI("bc0Bsc20i00"),
		PCI("bc13sc00i00"),
		USB("ic0Bisc00ip00"),
		USB("icFEisc01ip01"),
		USB("ic0Aisc00ip00"),
		USB("ic06isc01ip01"),
		"acpi:PNP0C09:",
		"acpi:LNXCPU:",
		"platform:serial8250",
		"platform:Fixed MDIO bus",
		"cpu:type:x86,ven0000fam0006mod009E:feature:,0000",
		"dmi:bvnLENOVO:bvrN1UET",
		"input:b0019v0000p0001e0000",
		"serio:ty01pr00id00ex00",
		"mdio:0000000000100010",
		"wmi:05901221-D566-11D1-B2F0-00A0C9062910",
		"pnp:dPNP0303",
		"scsi:t-0x0d",
		"i2c:ABCD0001",
		"newbus:whatever",
		"",
		"loop",
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(plain); i++)
		if (needs(plain[i]))
			fail_msg("%s", plain[i]);
}

static void assert_numbers(const char *modalias, const char *expected)
{
	char *numbers = mf_device_numbers(modalias);

	assert_string_equal(numbers, expected);
	free(numbers);
}

static void the_numbers_are_written_as_lspci_and_lsusb_do(void **state)
{
	assert_numbers(PCI("bc06sc00i00"), "pci 8086:1237");
	assert_numbers("usb:v0BDAp8153d3100dc00dsc00dp00icFFiscFFip00in00", "usb 0bda:8153");
	assert_numbers("acpi:PNP0C09:", "acpi PNP0C09:");
	assert_numbers("loop", "loop");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(the_numbers_and_the_class_are_read),
		UNIT(any_text_is_accepted),
		UNIT(devices_that_a_person_would_miss_need_a_driver),
		UNIT(devices_of_every_machine_need_none),
		UNIT(the_numbers_are_written_as_lspci_and_lsusb_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keyboards and ciphers. */
#include "tests/unit.h"
#include "sysfs.h"

static void a_keyboard_is_found_with_its_bus(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_needs_done) struct mf_needs needs = needs_new(r);

	sysfs_device(r, "devices/pci0000:00/0000:00:14.0", "xhci_hcd", "xhci_pci");
	sysfs_device(r, "devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0", "usbhid", "usbhid");
	sysfs_link(r, "sys/class/input/input1",
		   "devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0/input/input1");
	root_write(r,
		   "sys/devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0/input/input1/capabilities/"
		   "key",
		   "1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe\n");
	sysfs_device(r, "devices/platform/mouse", "psmouse", "psmouse");
	sysfs_link(r, "sys/class/input/input2", "devices/platform/mouse/input/input2");
	root_write(r, "sys/devices/platform/mouse/input/input2/capabilities/key",
		   "70000 0 0 0 0\n");
	assert_int_equal(mf_needs_passphrase(&needs), 0);
	assert_names(&needs.useful, "usbhid xhci_pci");
	assert_names(&needs.required, "");
}

static void ciphers_in_use_are_found(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_needs_done) struct mf_needs needs = needs_new(r);

	root_write(r, "proc/crypto",
		   "name         : xts(aes)\nmodule       : aesni_intel\nrefcnt       : 2\ntype    "
		   "     : skcipher\n\n"
		   "name         : cbc(aes)\nmodule       : cbc\nrefcnt       : 1\ntype         : "
		   "skcipher\n\n"
		   "name         : sha1\nmodule       : kernel\nrefcnt       : 9\ntype         : "
		   "shash\n\n"
		   "name         : jitter\nmodule       : jitterentropy_rng\nrefcnt       : "
		   "2\ntype         : rng\n\n"
		   "name         : sha256\nmodule       : sha256_ssse3\nrefcnt       : 3\ntype     "
		   "    : shash");
	assert_int_equal(mf_needs_passphrase(&needs), 0);
	assert_names(&needs.useful, "aesni_intel sha256_ssse3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_keyboard_is_found_with_its_bus),
		ROOTED(ciphers_in_use_are_found),
	};

	return UNIT_RUN(tests);
}

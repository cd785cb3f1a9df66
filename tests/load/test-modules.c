/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices of a module's drivers, from a recorded /sys. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/trials.h"

static void a_module_has_the_devices_of_all_its_drivers(void **state)
{
	struct root *r = *state;
	struct mf_strings paths = { 0 };

	root_mkdir(r, "sys/module/snd/drivers");
	root_write(r, "sys/module/snd/refcnt", "0\n");
	root_link(r, "../../../bus/pci/drivers/snd-pci", "sys/module/snd/drivers/pci:snd-pci");
	root_link(r, "../../../bus/usb/drivers/snd-usb", "sys/module/snd/drivers/usb:snd-usb");
	root_mkdir(r, "sys/bus/pci/drivers/snd-pci");
	root_link(r, "../../../../devices/pci0000:00/0000:00:1f.3",
		  "sys/bus/pci/drivers/snd-pci/0000:00:1f.3");
	root_link(r, "../../../../devices/pci0000:00/0000:00:02.0",
		  "sys/bus/pci/drivers/snd-pci/0000:00:02.0");
	root_link(r, "../../../../module/snd", "sys/bus/pci/drivers/snd-pci/module");
	root_write(r, "sys/bus/pci/drivers/snd-pci/bind", "");
	root_mkdir(r, "sys/bus/usb/drivers/snd-usb");
	root_link(r, "../../../../devices/pci0000:00/usb1/1-1:1.0",
		  "sys/bus/usb/drivers/snd-usb/1-1:1.0");

	assert_int_equal(mf_module_devices(&r->ctx, "snd", 10, &paths), 0);
	assert_int_equal(paths.n, 3);
	assert_string_equal(paths.v[0], "/sys/devices/pci0000:00/0000:00:02.0");
	assert_string_equal(paths.v[1], "/sys/devices/pci0000:00/0000:00:1f.3");
	assert_string_equal(paths.v[2], "/sys/devices/pci0000:00/usb1/1-1:1.0");
	mf_strings_done(&paths);
	assert_int_equal(mf_module_devices(&r->ctx, "snd", 2, &paths), 0);
	assert_int_equal(paths.n, 2);
	mf_strings_done(&paths);
	assert_true(mf_module_is_loaded(&r->ctx, "snd"));
}

static void a_module_that_is_not_loaded_has_none(void **state)
{
	struct root *r = *state;
	struct mf_strings paths = { 0 };

	/* built in: it has parameters at most */
	root_mkdir(r, "sys/module/loop/parameters");
	assert_int_equal(mf_module_devices(&r->ctx, "loop", 10, &paths), 0);
	assert_int_equal(mf_module_devices(&r->ctx, "igb", 10, &paths), 0);
	assert_int_equal(paths.n, 0);
	assert_false(mf_module_is_loaded(&r->ctx, "loop"));
	assert_false(mf_module_is_loaded(&r->ctx, "igb"));
	/* below another root nothing is unloaded */
	assert_int_equal(mf_module_unload(&r->ctx, "loop"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_module_has_the_devices_of_all_its_drivers),
		ROOTED(a_module_that_is_not_loaded_has_none),
	};

	return UNIT_RUN(tests);
}

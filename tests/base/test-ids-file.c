/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lines of pci.ids and usb.ids. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/ids-file.h"

struct seen {
	char text[512];
};

static void note(void *arg, uint32_t vendor, int32_t device, const char *name)
{
	struct seen *seen = arg;
	size_t len = strlen(seen->text);

	snprintf(seen->text + len, sizeof(seen->text) - len, "%04x %d %s|", vendor, device, name);
}

static void devices_are_those_of_the_vendor_before(void **state)
{
	struct seen seen = { "" };

	root_write(
		*state, "usr/share/misc/pci.ids",
		"# a comment\n\n8086  Intel  Corporation\n\t10d3  82574L\n"
		"\t\t8086 a01f  a subsystem\n\t10d  short\nC 02  Network controller\n"
		"\t00  Ethernet controller\n\t1234  of a class\n10EC  Realtek\n\t8168  RTL8111\n");
	mf_ids_each(&((struct root *)*state)->ctx, "pci", note, &seen);
	assert_string_equal(seen.text,
			    "8086 -1 Intel  Corporation|8086 4307 82574L|10ec -1 Realtek|"
			    "10ec 33128 RTL8111|");
}

static void a_file_that_is_missing_or_no_file_has_no_names(void **state)
{
	struct seen seen = { "" };

	root_write(*state, "usr/share/misc/usb.ids/file", "0bda  Realtek\n");
	mf_ids_each(&((struct root *)*state)->ctx, "usb", note, &seen);
	mf_ids_each(&((struct root *)*state)->ctx, "pcmcia", note, &seen);
	assert_string_equal(seen.text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(devices_are_those_of_the_vendor_before),
		ROOTED(a_file_that_is_missing_or_no_file_has_no_names),
	};

	return UNIT_RUN(tests);
}

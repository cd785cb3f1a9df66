/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests the forms in which a person may write a query. Whole runs: tests/road/names.py. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/array.h"
#include "modfetch/typed.h"

#define NIC    "pci:v00008086d000010D3sv00008086sd0000A01Fbc02sc00i00"
#define SLOT   "sys/devices/pci0000:00/0000:00:03.0"
#define DEVICE "/" SLOT

static void ids_are_four_digits_each(void **state)
{
	static const struct {
		const char *text, *pattern;
	} cases[] = {
		{ "8086:10d3", "pci:v00008086d000010D3*" },
		{ "8086:10D3", "pci:v00008086d000010D3*" },
		{ "usb:0bda:8153", "usb:v0BDAp8153*" },
		{ "usb:0bda:8153 ", NULL },
		{ "8086:10d", NULL },
		{ "8086:10d33", NULL },
		{ "8086:10g3", NULL },
		{ "8086", NULL },
		{ "usb:8153", NULL },
		{ "pci:8086:10d3", NULL },
		{ "USB:0bda:8153", NULL },
		{ "0000:00:03.0", NULL },
		{ "8086:10d3*", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		char pattern[MF_IDS_PATTERN_SIZE] = "untouched";

		assert_int_equal(mf_typed_ids(cases[i].text, pattern), cases[i].pattern != NULL);
		assert_string_equal(pattern, cases[i].pattern ? cases[i].pattern : "untouched");
	}
}

static void an_address_is_written_in_full(void **state)
{
	static const struct {
		const char *text, *address;
	} cases[] = {
		{ "0000:00:03.0", "0000:00:03.0" },
		{ "00:1F.6", "0000:00:1f.6" },
		{ "ABCD:ff:1f.7", "abcd:ff:1f.7" },
		{ "0000:00:03", NULL },
		{ "0000:00:03.00", NULL },
		{ "0000:0:03.0", NULL },
		{ "00:03.0/..", NULL },
		{ "../..:03.0", NULL },
		{ "", NULL },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		char address[MF_PCI_ADDRESS_SIZE] = "untouched";

		assert_int_equal(mf_typed_pci_address(cases[i].text, address),
				 cases[i].address != NULL);
		assert_string_equal(address, cases[i].address ? cases[i].address : "untouched");
	}
}

static void a_file_of_a_module_is_its_name(void **state)
{
	static const struct {
		const char *text, *module;
	} cases[] = {
		{ "e1000e.ko", "e1000e" },
		{ "./snd-pcm.ko.xz", "snd_pcm" },
		{ "/lib/modules/x/igb.ko.zst", "igb" },
		{ "e1000e", NULL },
		{ ".ko", NULL },
		{ "e1000e.ko.bz2", NULL },
		{ "pci:x.ko", NULL },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		char module[64] = "untouched";

		assert_int_equal(mf_typed_module(cases[i].text, module, sizeof(module)),
				 cases[i].module != NULL);
		assert_string_equal(module, cases[i].module ? cases[i].module : "untouched");
	}
}

/* One PCI device, reached over its bus and as a network interface. */
static void add_nic(struct root *r)
{
	root_write(r, SLOT "/modalias", NIC "\n");
	root_mkdir(r, SLOT "/net/eth0");
	root_link(r, "../..", SLOT "/net/eth0/device");
	root_mkdir(r, "sys/bus/pci/devices");
	root_link(r, "../../../devices/pci0000:00/0000:00:03.0",
		  "sys/bus/pci/devices/0000:00:03.0");
	root_mkdir(r, "sys/class/net");
	root_link(r, "../../devices/pci0000:00/0000:00:03.0/net/eth0", "sys/class/net/eth0");
}

/* TEXT is one want, for that device or (NULL) for none. */
static void check(struct root *r, const char *text, const char *query, const char *syspath)
{
	_cleanup_(mf_wants_done) struct mf_wants wants = { 0 };

	assert_int_equal(mf_wants_add_typed(&r->ctx, text, &wants), 0);
	assert_int_equal(wants.n, 1);
	assert_string_equal(wants.v[0].query, query);
	assert_int_equal(wants.v[0].given != NULL, strcmp(text, query) != 0);
	if (wants.v[0].given)
		assert_string_equal(wants.v[0].given, text);
	assert_int_equal(wants.v[0].syspath != NULL, syspath != NULL);
	if (syspath)
		assert_string_equal(wants.v[0].syspath, syspath);
}

static void each_form_of_a_device_is_its_modalias(void **state)
{
	static const char *const forms[] = {
		"0000:00:03.0",	       "00:03.0",
		"8086:10d3",	       "eth0",
		"/sys/class/net/eth0", "sys/bus/pci/devices/0000:00:03.0",
		"class/net/eth0",      "/devices/pci0000:00/0000:00:03.0"
	};
	struct root *r = *state;

	add_nic(r);
	for (size_t i = 0; i < MF_ARRAY_SIZE(forms); i++)
		check(r, forms[i], NIC, DEVICE);
	check(r, "8086:10ea", "pci:v00008086d000010EA*", NULL);
	check(r, "usb:8086:10d3", "usb:v8086p10D3*", NULL);
	check(r, "snd-pcm.ko", "snd_pcm", NULL);
	check(r, "0000:00:04.0", "0000:00:04.0", NULL);
	check(r, "eth1", "eth1", NULL);
	check(r, "/sys/devices/pci0000:00", "/sys/devices/pci0000:00", NULL);
	check(r, "xfs", "xfs", NULL);
}

static void a_pattern_has_no_byte_with_another_meaning(void **state)
{
	struct root *r = *state;
	char *pattern = NULL;

	add_nic(r);
	root_write(r, "sys/devices/odd/modalias", "dmi:a[b]*?#c d\n");
	assert_int_equal(mf_typed_pattern(&r->ctx, "eth0", &pattern), 0);
	assert_string_equal(pattern, NIC);
	free(pattern);
	assert_int_equal(mf_typed_pattern(&r->ctx, "8086:10d3", &pattern), 0);
	assert_string_equal(pattern, "pci:v00008086d000010D3*");
	free(pattern);
	assert_int_equal(mf_typed_pattern(&r->ctx, "/sys/devices/odd", &pattern), 0);
	assert_string_equal(pattern, "dmi:a?b????c?d");
	free(pattern);
	assert_int_equal(mf_typed_pattern(&r->ctx, "eth1", &pattern), 1);
	assert_int_equal(mf_typed_pattern(&r->ctx, "../devices/odd", &pattern), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(ids_are_four_digits_each),
		UNIT(an_address_is_written_in_full),
		UNIT(a_file_of_a_module_is_its_name),
		ROOTED(each_form_of_a_device_is_its_modalias),
		ROOTED(a_pattern_has_no_byte_with_another_meaning),
	};

	return UNIT_RUN(tests);
}

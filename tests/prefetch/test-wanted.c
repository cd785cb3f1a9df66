/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the words of prefetch= mean: patterns, repositories without patterns, packages, modules, aliases. */
#include "tests/unit.h"
#include "tests/root.h"
#include "tests/primary.h"
#include "src/prefetch/wanted.h"

static const struct primary with_patterns[] = {
	{ .name = "e1000e-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "e1000e-kmp e1000e-kmp-amd64 kmod(e1000e.ko)",
	  .supplements = "modalias(kernel-" TAG ":pci:v8086*)" },
	{ .name = "ccm-kmp-" TAG, .evr = "1-1", .provides = "kmod(ccm.ko)" },
	{ .name = "stick-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "kmod(stick.ko)",
	  .supplements = "modalias(kernel-" TAG ":usb:v1*)" },
	{ .name = "kernel-network-driver-all-" TAG,
	  .evr = "1-1",
	  .provides = "pattern()=kernel_network_driver_all kernel-network-driver-all",
	  .requires = "e1000e-kmp-" TAG,
	  .recommends = "ccm-kmp-" TAG },
	{ .name = "radio-firmware", .evr = "1-1", .provides = "firmware(radio.bin)" },
};
static const struct primary without[] = {
	{ .name = "nic-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "kmod(nic.ko)",
	  .supplements = "modalias(kernel-" TAG ":pci:v9999*)" },
};

static int setup(void **state)
{
	struct root *r;

	if (root_setup(state))
		return -1;
	r = *state;
	root_write(r, "etc/modfetch/repos.d/a.repo",
		   "[main]\nbaseurl=http://m\n[vendor]\nbaseurl=http://v\n");
	assert_int_equal(primary_cache(&r->ctx, "main", with_patterns, N(with_patterns), 1), 0);
	return primary_cache(&r->ctx, "vendor", without, N(without), 2);
}

/* "QUERY:WORD …|PACKAGE …|WORDS WITHOUT A DRIVER", in TEXT. */
static void collect(struct root *r, const char *words, char text[512])
{
	_cleanup_(mf_strings_done) struct mf_strings list = { 0 };
	_cleanup_(prefetch_wanted_done) struct wanted wanted = { 0 };
	struct mf_catalog *catalog = NULL;

	assert_int_equal(mf_strings_split(&list, words), 0);
	assert_int_equal(mf_catalog_open(&r->ctx, &catalog), 0);
	assert_int_equal(prefetch_wanted_collect(&r->ctx, catalog, &list, &wanted), 0);
	*text = '\0';
	for (size_t i = 0; i < wanted.queries.n; i++)
		sprintf(text + strlen(text), "%s:%s ", wanted.queries.v[i], wanted.words.v[i]);
	strcat(text, "|");
	for (size_t i = 0; i < wanted.packages.n; i++)
		sprintf(text + strlen(text), "%s:%s ", wanted.packages.v[i],
			wanted.package_words.v[i]);
	strcat(text, "|");
	for (size_t i = 0; i < wanted.no_driver.n; i++)
		sprintf(text + strlen(text), "%s ", wanted.no_driver.v[i]);
	mf_catalog_free(catalog);
}

static void words_mean_modules(void **state)
{
	static const char *const cases[][2] = {
		/* the members, what they recommend, and all of a repository without patterns */
		{ "network", "ccm:network e1000e:network nic:network ||" },
		{ "storage", "nic:storage ||" },
		{ "filesystem", "||filesystem " },
		{ "nic network nic", "nic:nic ccm:network e1000e:network ||" },
		{ "e1000e-kmp", "e1000e:e1000e-kmp ||" },
		{ "kernel-network-driver-all-" TAG,
		  "ccm:kernel-network-driver-all-" TAG " e1000e:kernel-network-driver-all-" TAG
		  " ||" },
		{ "radio-firmware stick", "stick:stick |radio-firmware:radio-firmware |" },
		{ "pci:v8086d1", "pci:v8086d1:pci:v8086d1 ||" },
		{ "nosuch pci:v7", "||nosuch pci:v7 " },
	};
	char text[512];

	for (size_t i = 0; i < N(cases); i++) {
		collect(*state, cases[i][0], text);
		assert_string_equal(text, cases[i][1]);
	}
}

static void hotplug_follows_the_buses_of_the_machine(void **state)
{
	struct root *r = *state;
	char text[512];

	collect(r, "hotplug", text);
	assert_string_equal(text, "||hotplug ");
	root_mkdir(r, "sys/bus/usb/devices");
	assert_false(prefetch_can_plug(&r->ctx, "usb:"));
	root_mkdir(r, "sys/bus/usb/devices/usb1");
	assert_true(prefetch_can_plug(&r->ctx, "usb:"));
	assert_true(prefetch_can_plug(&r->ctx, "hid:"));
	assert_false(prefetch_can_plug(&r->ctx, "pci:"));
	collect(r, "hotplug", text);
	assert_string_equal(text, "stick:hotplug ||");
	root_mkdir(r, "sys/bus/thunderbolt/devices/0-0");
	collect(r, "hotplug", text);
	assert_string_equal(text, "e1000e:hotplug nic:hotplug stick:hotplug ||");
}

static void each_class_has_a_word(void **state)
{
	size_t n = 0;

	while (mf_prefetch_class(n))
		n++;
	assert_int_equal(n, 16);
	assert_string_equal(mf_prefetch_class(0), "network");
	assert_string_equal(mf_prefetch_class(n - 1), "hotplug");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(words_mean_modules, setup, root_teardown),
		cmocka_unit_test_setup_teardown(hotplug_follows_the_buses_of_the_machine, setup,
						root_teardown),
		cmocka_unit_test(each_class_has_a_word),
	};

	return UNIT_RUN(tests);
}

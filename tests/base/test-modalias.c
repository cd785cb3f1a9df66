/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bounds of modaliases and device paths. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include <string.h>
#include "modfetch/module-name.h"

static bool modalias(const char *s)
{
	return mf_modalias_valid(s, strlen(s));
}

static bool devpath(const char *s)
{
	return mf_devpath_valid(s, strlen(s));
}

static void names_of_real_devices_are_within_bounds(void **state)
{
	assert_true(modalias("pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00"));
	assert_true(modalias("platform:Fixed MDIO bus"));
	assert_true(modalias("cpu:type:x86,ven0000fam0006mod003A:feature:,0000,0001,"));
	assert_true(modalias("of:NfooT(null)Cvendor,part-1"));
	assert_true(modalias("dmi:bvnLENOVO:bvr-[TBE132I-2.50]-:bd10/14/2020:"));
	assert_true(modalias("dmi:svn<NULL>:pn(none)@#1:"));
	assert_true(modalias("x"));
}

static void brackets_count_as_libkmod_pairs_them(void **state)
{
	static const char *const good[] = {
		"[]", "[a]", "a[b]c[d]", "[[a]", "[a[b[c]", "[a-z][-]"
	};
	static const char *const open[] = { "[", "a[b", "[a][b", "[a]b[[" };
	static const char *const closed[] = { "]", "a]b", "[a]]", "][", "[[a]]" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(good); i++)
		assert_null(mf_modalias_fault(good[i], strlen(good[i])));
	/* the unclosed bracket is the one that overflows libkmod's stack */
	for (size_t i = 0; i < MF_ARRAY_SIZE(open); i++)
		assert_string_equal(mf_modalias_fault(open[i], strlen(open[i])),
				    "it has a '[' without its ']'");
	for (size_t i = 0; i < MF_ARRAY_SIZE(closed); i++)
		assert_string_equal(mf_modalias_fault(closed[i], strlen(closed[i])),
				    "it has a ']' without its '['");
	/* brackets after the length do not count */
	assert_false(mf_modalias_valid("a[b]", 3));
}

static void what_a_log_line_could_choke_on_is_not(void **state)
{
	assert_string_equal(mf_modalias_fault("", 0), "it is empty");
	assert_false(modalias("pci:\n"));
	assert_false(modalias("pci:\x7f"));
	assert_false(modalias("pci:\xc3\xa9"));
	assert_false(mf_modalias_valid("pci:\0x", 6));
}

static void a_modalias_ends_at_2048_bytes(void **state)
{
	char s[MF_MODALIAS_MAX + 1];

	memset(s, 'a', sizeof(s));
	assert_true(mf_modalias_valid(s, MF_MODALIAS_MAX));
	assert_false(mf_modalias_valid(s, MF_MODALIAS_MAX + 1));
}

static void a_device_path_stays_below_devices(void **state)
{
	char s[MF_DEVPATH_MAX + 1];

	assert_true(devpath("/devices/pci0000:00/0000:00:03.0"));
	assert_true(devpath("/devices/..a/b.."));
	assert_true(devpath("/devices/x"));
	assert_false(devpath("/devices/"));
	assert_false(devpath("/devices/.."));
	assert_false(devpath("/devices/a/../b"));
	assert_false(devpath("/devices/a/.."));
	assert_false(devpath("/etc/passwd"));
	assert_false(devpath("devices/x"));
	assert_false(devpath("/devices/a\nb"));
	assert_false(devpath(""));
	memset(s, 'a', sizeof(s));
	memcpy(s, "/devices/", 9);
	assert_true(mf_devpath_valid(s, MF_DEVPATH_MAX));
	assert_false(mf_devpath_valid(s, MF_DEVPATH_MAX + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(names_of_real_devices_are_within_bounds),
		UNIT(brackets_count_as_libkmod_pairs_them),
		UNIT(what_a_log_line_could_choke_on_is_not),
		UNIT(a_modalias_ends_at_2048_bytes),
		UNIT(a_device_path_stays_below_devices),
	};

	return UNIT_RUN(tests);
}

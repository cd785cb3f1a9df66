/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Releases of real distributions, and those that cannot be part of a package's name. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/release.h"

static const struct {
	const char *release, *abi, *flavor, *version, *revision;
} known[] = {
	{ "6.1.0-56-amd64", "6.1.0_56", "amd64", "6.1.0", "56" },
	{ "6.1.0-56-cloud-amd64", "6.1.0_56", "cloud-amd64", "6.1.0", "56" },
	{ "6.1.0-56-686-pae", "6.1.0_56", "686-pae", "6.1.0", "56" },
	{ "6.1.0-56-4kc-malta", "6.1.0_56", "4kc-malta", "6.1.0", "56" },
	{ "6.12.117+deb12-amd64", "6.12.117+deb12", "amd64", "6.12.117+deb12", "1" },
	{ "6.12.117+deb12-arm64-16k", "6.12.117+deb12", "arm64-16k", "6.12.117+deb12", "1" },
	{ "5.10.0-0.bpo.3-amd64", "5.10.0_0.bpo.3", "amd64", "5.10.0", "0.bpo.3" },
	{ "6.4.0-150600.21-default", "6.4.0_150600.21", "default", "6.4.0", "150600.21" },
	{ "6.11.4-301.fc41.x86_64", "6.11.4_301.fc41", "x86_64", "6.11.4", "301.fc41" },
	{ "5.14.0-427.el9.x86_64+rt", "5.14.0_427.el9", "x86_64+rt", "5.14.0", "427.el9" },
	{ "6.8.0-45-generic", "6.8.0_45", "generic", "6.8.0", "45" },
	{ "6.6.31+rpt-rpi-v8", "6.6.31+rpt", "rpi-v8", "6.6.31+rpt", "1" },
	{ "6.6.0-rc7-amd64", "6.6.0_rc7", "amd64", "6.6.0", "rc7" },
	{ "6.6.0-rc7", "6.6.0_rc7", "default", "6.6.0", "rc7" },
	{ "6.18.2", "6.18.2", "default", "6.18.2", "1" },
};

static void releases_split_into_abi_and_flavor(void **state)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(known); i++) {
		struct mf_release r;

		assert_int_equal(mf_release_parse(known[i].release, NULL, &r), 0);
		assert_string_equal(r.release, known[i].release);
		assert_string_equal(r.abi, known[i].abi);
		assert_string_equal(r.flavor, known[i].flavor);
		assert_string_equal(r.version, known[i].version);
		assert_string_equal(r.revision, known[i].revision);
		assert_null(strchr(r.abi, '-'));
	}
}

static void a_given_flavor_replaces_the_one_read(void **state)
{
	struct mf_release r;

	assert_int_equal(mf_release_parse("6.1.0-56-amd64", "mine", &r), 0);
	assert_string_equal(r.flavor, "mine");
	assert_string_equal(r.abi, "6.1.0_56");
}

static void what_no_package_name_can_hold_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "amd64", "6.1/..", "6.1 0", "6.1:0", "6.1\n", "6.1%x"
	};
	char longest[MF_RELEASE_MAX + 1];
	struct mf_release r = { .flavor = "untouched" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++)
		assert_int_equal(mf_release_parse(bad[i], NULL, &r), -EINVAL);
	memset(longest, '1', sizeof(longest));
	longest[MF_RELEASE_MAX] = '\0';
	assert_int_equal(mf_release_parse(longest, NULL, &r), -EINVAL);
	assert_int_equal(mf_release_parse("6.1", "", &r), -EINVAL);
	assert_int_equal(mf_release_parse("6.1", "-x", &r), -EINVAL);
	assert_string_equal(r.flavor, "untouched");
	longest[MF_RELEASE_MAX - 1] = '\0';
	assert_int_equal(mf_release_parse(longest, NULL, &r), 0);
}

static void a_package_is_named_after_module_flavor_and_abi(void **state)
{
	struct mf_release r;
	char *name;

	assert_int_equal(mf_release_parse("6.1.0-56-amd64", NULL, &r), 0);
	name = mf_release_kmp(&r, "e1000e");
	assert_string_equal(name, "e1000e-kmp-amd64-6.1.0_56");
	free(name);
}

static void a_release_in_a_dependency_has_one_dash(void **state)
{
	static const struct {
		const char *release, *uname_r;
	} pairs[] = {
		{ "6.1.0-56-cloud-amd64", "6.1.0-56.cloud.amd64" },
		{ "6.11.4-301.fc41.x86_64", "6.11.4-301.fc41.x86_64" },
		{ "6.18.2", "6.18.2" },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(pairs); i++) {
		struct mf_release r;

		assert_int_equal(mf_release_parse(pairs[i].release, NULL, &r), 0);
		assert_string_equal(r.uname_r, pairs[i].uname_r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(releases_split_into_abi_and_flavor),
		UNIT(a_given_flavor_replaces_the_one_read),
		UNIT(what_no_package_name_can_hold_is_refused),
		UNIT(a_release_in_a_dependency_has_one_dash),
		UNIT(a_package_is_named_after_module_flavor_and_abi),
	};

	return UNIT_RUN(tests);
}

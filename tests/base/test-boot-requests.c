/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of modules that systemd requests: the packer and kmod use the same spelling. */
#include "tests/unit.h"
#include "modfetch/boot-requests.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"

static void names_are_spelled_as_kmod_does_and_stand_once(void **state)
{
	size_t n;
	const struct mf_boot_request *requests = mf_boot_requests(&n);

	assert_true(n > 0);
	for (size_t i = 0; i < n; i++) {
		char name[256];

		assert_true(mf_module_name(requests[i].name, name, sizeof(name)));
		assert_string_equal(requests[i].name, name);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(requests[i].name, requests[j].name);
	}
}

static void paths_are_below_a_root(void **state)
{
	size_t n;
	const struct mf_boot_request *requests = mf_boot_requests(&n);

	for (size_t i = 0; i < n; i++) {
		assert_true(requests[i].asker[0] != '/' && requests[i].reason[0]);
		assert_true(!requests[i].needs || requests[i].needs[0] != '/');
	}
}

static void a_name_is_in_the_table_or_not(void **state)
{
	assert_true(mf_boot_requests_has("dm_mod"));
	assert_true(mf_boot_requests_has("autofs4"));
	assert_false(mf_boot_requests_has("dm-mod"));
	assert_false(mf_boot_requests_has("dm"));
	assert_false(mf_boot_requests_has(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(names_are_spelled_as_kmod_does_and_stand_once),
		UNIT(paths_are_below_a_root),
		UNIT(a_name_is_in_the_table_or_not),
	};

	return UNIT_RUN(tests);
}

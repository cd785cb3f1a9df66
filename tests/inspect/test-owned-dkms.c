/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Modules that dkms installed, from its tree. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include "tests/inspect/ownership.h"

#define DKMS "var/lib/dkms/"

static void an_installed_module_is_found_wherever_it_is(void **state)
{
	static const char *const places[] = {
		"lib/modules/5-amd64/updates/dkms/nv.ko",
		"lib/modules/5-amd64/extra/nv.ko.xz",
		"lib/modules/5-amd64/kernel/drivers/nv.ko.zst",
	};
	struct root *r = *state;
	struct ownership o = { 0 };

	root_write(r, DKMS "nvidia/1.2/5-amd64/x86_64/module/nv.ko", "x");
	root_write(r, DKMS "nvidia/1.2/5-amd64/x86_64/log/make.log", "x");
	root_link(r, "1.2/5-amd64/x86_64", DKMS "nvidia/kernel-5-amd64-x86_64");
	root_write(r, DKMS "dkms_dbversion", "3");
	assert_int_equal(owned_read_dkms(&r->ctx, &o), 0);
	for (size_t i = 0; i < MF_ARRAY_SIZE(places); i++) {
		struct owned *file = assert_owner(&o, places[i], "nvidia/1.2");

		assert_string_equal(file->copy, DKMS "nvidia/1.2/5-amd64/x86_64/module/nv.ko");
		assert_int_equal(file->owner->kind, MF_OWNER_DKMS);
	}
	assert_owner(&o, "lib/modules/6-amd64/updates/dkms/nv.ko", NULL);
	assert_owner(&o, "lib/modules/5-amd64/updates/dkms/other.ko", NULL);
	owned_done(&o);
}

static void what_was_only_built_is_not_installed(void **state)
{
	struct root *r = *state;
	struct ownership o = { 0 };

	root_write(r, DKMS "nvidia/1.2/5/x86_64/module/nv.ko", "x");
	root_link(r, "1.2", DKMS "nvidia/kernel-5-x86_64");
	root_link(r, "1.2/5/x86_64", DKMS "nvidia/other");
	assert_int_equal(owned_read_dkms(&r->ctx, &o), 0);
	assert_int_equal(o.n, 0);
	owned_done(&o);
}

static void an_absolute_link_is_read_too(void **state)
{
	struct root *r = *state;
	struct ownership o = { 0 };

	root_write(r, DKMS "x/1/5/x86_64/module/y.ko", "x");
	root_link(r, "/var/lib/dkms/x/1/5/x86_64", DKMS "x/kernel-5-x86_64");
	assert_int_equal(owned_read_dkms(&r->ctx, &o), 0);
	assert_owner(&o, "lib/modules/5/updates/y.ko", "x/1");
	owned_done(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(an_installed_module_is_found_wherever_it_is),
		ROOTED(what_was_only_built_is_not_installed),
		ROOTED(an_absolute_link_is_read_too),
	};

	return UNIT_RUN(tests);
}

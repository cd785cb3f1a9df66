/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One finding for a path, and what it is about. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include "src/inspect/inspection.h"

static void a_path_has_one_finding(void **state)
{
	struct mf_check check = { 0 };
	struct machine machine = { .check = &check };
	const struct owner owner = { .label = "pkg-1" };
	const struct about about = { .path = "lib/x/",
				     .target = "lib/y",
				     .owner = &owner,
				     .subject = "s",
				     .remedy = MF_REMEDY_REMOVE };

	assert_int_equal(inspect_find(&machine, NULL, &about, -MFE_ALTERED, "%s is %d", "x", 1), 1);
	assert_int_equal(inspect_find(&machine, NULL, &(struct about){ .path = "lib/x" },
				      -MFE_BAD_INDEX, "second"),
			 1);
	assert_int_equal(check.n_findings, 1);
	assert_string_equal(check.findings[0].path, "/lib/x");
	assert_string_equal(check.findings[0].target, "/lib/y");
	assert_string_equal(check.findings[0].package, "pkg-1");
	assert_string_equal(check.findings[0].subject, "s");
	assert_string_equal(check.findings[0].reason, "x is 1");
	assert_null(check.findings[0].kernel);
	assert_int_equal(check.findings[0].remedy, MF_REMEDY_REMOVE);
	mf_check_done(&check);
	mf_table_done(&machine.findings);
	mf_arena_done(&machine.arena);
}

static void a_damaged_file_of_an_rpm_can_be_installed_again(void **state)
{
	static const struct {
		enum mf_owner owner;
		int code;
		const char *target;
		enum mf_remedy remedy;
	} cases[] = {
		{ MF_OWNER_RPM, -MFE_ALTERED, NULL, MF_REMEDY_REINSTALL },
		{ MF_OWNER_RPM, -MFE_BAD_MODULE, NULL, MF_REMEDY_REINSTALL },
		{ MF_OWNER_RPM, -MFE_WRONG_KERNEL, NULL, MF_REMEDY_NONE },
		{ MF_OWNER_RPM, -MFE_ALTERED, "lib/y", MF_REMEDY_NONE },
		{ MF_OWNER_AKMODS, -MFE_ALTERED, NULL, MF_REMEDY_NONE },
		{ MF_OWNER_DPKG, -MFE_ALTERED, NULL, MF_REMEDY_NONE },
	};
	struct mf_context ctx = { .kernel = (char *)"5.0" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		struct mf_check check = { 0 };
		struct machine machine = { .check = &check };
		struct inspection in = { .machine = &machine, .ctx = &ctx };
		struct owner owner = { .kind = cases[i].owner, .label = "l" };
		struct owned owned = { .owner = &owner };
		struct entry entry = {
			.path = "lib/x.ko", .name = "x", .owned = &owned, .target = cases[i].target
		};

		assert_false(inspect_is_excused(&in, "x"));
		assert_int_equal(inspect_find_entry(&in, &entry, cases[i].code, "why"), 1);
		assert_int_equal(check.findings[0].remedy, cases[i].remedy);
		assert_string_equal(check.findings[0].kernel, "5.0");
		assert_true(entry.found && inspect_is_excused(&in, "x"));
		mf_check_done(&check);
		mf_table_done(&machine.findings);
		mf_table_done(&in.bad);
		mf_arena_done(&machine.arena);
		mf_arena_done(&in.arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_path_has_one_finding),
		UNIT(a_damaged_file_of_an_rpm_can_be_installed_again),
	};

	return UNIT_RUN(tests);
}

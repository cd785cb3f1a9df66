/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit.h"
#include "src/fit/terms.h"
#include "modfetch/array.h"

static struct mf_modinfo with(struct mf_modinfo_field *fields, size_t n)
{
	return (struct mf_modinfo){ .fields = fields, .n_fields = n };
}

static void the_first_license_counts(void **state)
{
	static const struct {
		const char *license;
		bool gpl;
	} cases[] = {
		{ "GPL", true },
		{ "GPL v2", true },
		{ "Dual MIT/GPL", true },
		{ "Dual BSD/GPL", true },
		{ "Dual MPL/GPL", true },
		{ "GPL and additional rights", true },
		{ "GPL v3", false },
		{ "Proprietary", false },
		{ "MIT", false },
		{ "gpl", false },
		{ "", false },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		struct mf_modinfo_field fields[] = { { "alias", "GPL" },
						     { "license", cases[i].license },
						     { "license", "GPL" } };
		const struct mf_modinfo module = with(fields, 3);

		assert_int_equal(fit_has_gpl_license(&module), cases[i].gpl);
	}
	assert_false(fit_has_gpl_license(&(struct mf_modinfo){ 0 }));
}

static void a_namespace_is_imported_by_its_name(void **state)
{
	struct mf_modinfo_field fields[] = { { "import_ns", "USB_STORAGE" },
					     { "import_ns", "CXL" },
					     { "alias", "PWM" } };
	const struct mf_modinfo module = with(fields, 3);

	assert_true(fit_imports_namespace(&module, "x", "USB_STORAGE"));
	assert_true(fit_imports_namespace(&module, "x", "CXL"));
	assert_false(fit_imports_namespace(&module, "x", "PWM"));
	assert_false(fit_imports_namespace(&module, "x", "USB"));
	assert_false(fit_imports_namespace(&module, "x", "USB_STORAGE_MORE"));
}

static void a_namespace_may_be_a_list_of_modules(void **state)
{
	const struct mf_modinfo module = { 0 };
	static const struct {
		const char *ns, *name;
		bool in;
	} cases[] = {
		{ "module:kvm,kvm-amd,kvm-intel", "kvm", true },
		{ "module:kvm,kvm-amd,kvm-intel", "kvm_intel", true },
		{ "module:kvm,kvm-amd", "kvm_intel", false },
		{ "module:kvm", "kv", false },
		{ "module:kvm", "kvmx", false },
		{ "module:kvm*", "kvm_anything", true },
		{ "module:a,snd-*", "snd_hda", true },
		{ "module:*", "x", true },
		{ "module:", "x", false },
		{ "module:,,x", "x", true },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++)
		if (fit_imports_namespace(&module, cases[i].name, cases[i].ns) != cases[i].in)
			fail_msg("%s in %s", cases[i].name, cases[i].ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(the_first_license_counts),
		UNIT(a_namespace_is_imported_by_its_name),
		UNIT(a_namespace_may_be_a_list_of_modules),
	};

	return UNIT_RUN(tests);
}

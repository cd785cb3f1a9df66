/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The source_directives of dkms(8), and the variables that a file may use. */
#include "tests/unit.h"
#include <string.h>
#include "src/source/directives.h"

static void each_directive_without_effect_has_its_reason(void **state)
{
	size_t n = 0;

	for (; source_directives[n].name; n++) {
		assert_int_equal(source_directives[n].use == IS_NOTED,
				 source_directives[n].note != NULL);
		for (size_t k = 0; k < n; k++)
			assert_string_not_equal(source_directives[k].name,
						source_directives[n].name);
	}
	assert_true(n > 30);
	assert_true(source_directive_is("BUILT_MODULE_NAME"));
	assert_false(source_directive_is("BUILT_MODULE"));
	assert_false(source_directive_is("kernelver"));
}

static void the_variables_of_dkms_are_set(void **state)
{
	static char name[] = "name", version[] = "1.2", path[] = "usr/src/name-1.2";
	const struct mf_source source = { MF_SOURCE_DKMS, name, version, path };
	const struct mf_recipe_kernel kernel = { "6.1.0", "x86_64", "/headers", NULL, 0 };
	struct values values = { 0 };

	assert_int_equal(source_directives_preset(&values, &source, &kernel), 0);
	assert_string_equal(source_values_text(&values, "kernelver", 0), "6.1.0");
	assert_string_equal(source_values_text(&values, "kernel_source_dir", 0), "/headers");
	assert_string_equal(source_values_text(&values, "arch", 0), "x86_64");
	assert_string_equal(source_values_text(&values, "dkms_tree", 0), "/var/lib/dkms");
	assert_string_equal(source_values_text(&values, "module", 0), "name");
	assert_string_equal(source_values_text(&values, "module_version", 0), "1.2");
	assert_string_equal(source_values_text(&values, "parallel_jobs", 0), "1");
	source_values_done(&values);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(each_directive_without_effect_has_its_reason),
		UNIT(the_variables_of_dkms_are_set),
	};

	return UNIT_RUN(tests);
}

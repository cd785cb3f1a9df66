/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For which kernels a source is not built, and that hostile expressions are refused before they
 * cost.
 */
#include "tests/unit.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "src/source/exclusive.h"

static const struct mf_recipe_kernel kernel = {
	"6.1.0-57-amd64", "x86_64", "/headers",
	"CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=m\nCONFIG_CD=\"y\"\n", 1
};

/* With NAME=VALUE, the reason has WHY; NULL: the kernel is not excluded. */
static void check(const char *name, const char *value, const char *why)
{
	struct values values = { 0 };
	char *found = NULL;
	const char *bad = NULL;

	assert_int_equal(source_values_set(&values, name, 0, strdup(value), false, 1), 0);
	assert_int_equal(source_exclusive_check(&values, &kernel, &found, &bad), 0);
	if (!found != !why || (why && !strstr(found, why)))
		fail_msg("%s=%s: %s", name, value, found ? found : "not excluded");
	free(found);
	source_values_done(&values);
}

static void expressions_are_matched_as_by_bash(void **state)
{
	check("BUILD_EXCLUSIVE_KERNEL", "^6\\.1\\.", NULL);
	check("BUILD_EXCLUSIVE_KERNEL", "^(5\\.[6-9]|[6-9])\\.", NULL);
	check("BUILD_EXCLUSIVE_KERNEL", "^5", "\"^5\"");
	check("BUILD_EXCLUSIVE_KERNEL", "REQUIRES CONFIG_A", "REQUIRES CONFIG_A");
	check("BUILD_EXCLUSIVE_KERNEL", "(", "(");
	check("BUILD_EXCLUSIVE_KERNEL", "", NULL);
	check("BUILD_EXCLUSIVE_ARCH", "x86", NULL);
	check("BUILD_EXCLUSIVE_ARCH", "aarch64", "BUILD_EXCLUSIVE_ARCH");
	check("BUILD_EXCLUSIVE_ARCH", "\x1b[31m", "BUILD_EXCLUSIVE_ARCH is \"?[31m\"");
}

static void versions_are_compared_as_numbers(void **state)
{
	check("BUILD_EXCLUSIVE_KERNEL_MIN", "6.1", NULL);
	check("BUILD_EXCLUSIVE_KERNEL_MIN", "5.10", NULL);
	check("BUILD_EXCLUSIVE_KERNEL_MIN", "6.10", "6.10");
	check("BUILD_EXCLUSIVE_KERNEL_MAX", "6.10", NULL);
	check("BUILD_EXCLUSIVE_KERNEL_MAX", "6.1", "KERNEL_MAX");
	check("BUILD_EXCLUSIVE_KERNEL_MAX", "5.19", "5.19");
}

static void options_are_set_or_not(void **state)
{
	check("BUILD_EXCLUSIVE_CONFIG", "CONFIG_A  CONFIG_C", NULL);
	check("BUILD_EXCLUSIVE_CONFIG", "CONFIG_A CONFIG_B CONFIG_C", "with CONFIG_B");
	check("BUILD_EXCLUSIVE_CONFIG", "!CONFIG_B !CONFIG_X", NULL);
	check("BUILD_EXCLUSIVE_CONFIG", "!CONFIG_C", "without CONFIG_C");
	/* a part of a name, and a string */
	check("BUILD_EXCLUSIVE_CONFIG", "CONFIG_", "with CONFIG_");
	check("BUILD_EXCLUSIVE_CONFIG", "CONFIG_CD", "with CONFIG_CD");
}

static void without_a_configuration_options_exclude_nothing(void **state)
{
	struct mf_recipe_kernel unknown = kernel;
	struct values values = { 0 };
	char *found = NULL;
	const char *bad = NULL;

	unknown.config = NULL;
	assert_int_equal(source_values_set(&values, "BUILD_EXCLUSIVE_CONFIG", 0, strdup("CONFIG_X"),
					   false, 1),
			 0);
	assert_int_equal(source_exclusive_check(&values, &unknown, &found, &bad), 0);
	assert_null(found);
	source_values_done(&values);
}

static void a_hostile_expression_is_refused(void **state)
{
	static const char *const hostile[] = { "(a{1,200}){1,200}", "a{256}", "a{99999999999}",
					       "(a*)\\1",	    "a{1",    "a{2}b{200}" };
	char deep[64], large[2000];
	bool matches;

	for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++)
		assert_int_equal(source_pattern_matches(hostile[i], "a", &matches), -E2BIG);
	memset(deep, '(', 17);
	memset(deep + 17, ')', 17);
	deep[34] = '\0';
	assert_int_equal(source_pattern_matches(deep, "a", &matches), -E2BIG);
	memset(large, 'a', sizeof(large));
	large[1025] = '\0';
	assert_int_equal(source_pattern_matches(large, "a", &matches), -E2BIG);
	assert_int_equal(source_pattern_matches("^a{2,3}$", "aaa", &matches), 0);
	assert_true(matches);
	assert_int_equal(source_pattern_matches("^a{2,3}$", "a", &matches), 0);
	assert_false(matches);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(expressions_are_matched_as_by_bash),
		UNIT(versions_are_compared_as_numbers),
		UNIT(options_are_set_or_not),
		UNIT(without_a_configuration_options_exclude_nothing),
		UNIT(a_hostile_expression_is_refused),
	};

	return UNIT_RUN(tests);
}

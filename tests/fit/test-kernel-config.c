/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit.h"
#include <fcntl.h>
#include "src/fit/kernel-config.h"
#include "tests/shell.h"

#define K "6.1.0-9-test"

static bool option(enum fit_option option)
{
	struct mf_context ctx;
	struct fit_config config = { 0 };
	bool on = false;

	assert_int_equal(mf_context_init(&ctx, "root", K), 0);
	assert_int_equal(fit_config_has(&ctx, K, &config, option, &on), 0);
	mf_context_done(&ctx);
	return on;
}

static int setup(void **state)
{
	*state = enter_scratch();
	run("mkdir -p root/boot root/lib/modules/" K "/build root/usr");
	return 0;
}

#define CONFIG(f) cmocka_unit_test_setup_teardown(f, setup, remove_scratch)

static void without_a_configuration_the_loader_is_strict(void **state)
{
	assert_false(option(FIT_MODULE_FORCE_LOAD));
	assert_false(option(FIT_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS));
}

static void only_a_whole_line_sets_an_option(void **state)
{
	run("printf '# CONFIG_MODULE_FORCE_LOAD is not set\\n#CONFIG_MODULE_FORCE_LOAD=y\\n"
	    "CONFIG_MODULE_FORCE_LOAD=yes\\nCONFIG_MODULE_FORCE_LOAD=n\\n' >root/boot/config-" K);
	assert_false(option(FIT_MODULE_FORCE_LOAD));
	run("echo CONFIG_MODULE_FORCE_LOAD=y >>root/boot/config-" K);
	assert_true(option(FIT_MODULE_FORCE_LOAD));
	assert_false(option(FIT_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS));
}

static void the_first_place_that_has_it_counts(void **state)
{
	run("echo CONFIG_MODULE_FORCE_LOAD=y >root/lib/modules/" K "/build/.config");
	assert_true(option(FIT_MODULE_FORCE_LOAD));
	run("echo CONFIG_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS=y >root/lib/modules/" K "/config");
	assert_false(option(FIT_MODULE_FORCE_LOAD));
	assert_true(option(FIT_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS));
	run("touch root/boot/config-" K);
	assert_false(option(FIT_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONFIG(without_a_configuration_the_loader_is_strict),
		CONFIG(only_a_whole_line_sets_an_option),
		CONFIG(the_first_place_that_has_it_counts),
	};

	return UNIT_RUN(tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which options a kernel was built with, and where its configuration is. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include "tests/root.h"
#include "modfetch/kernel-config.h"

static void an_option_is_a_whole_line(void **state)
{
	static const struct {
		const char *config;
		bool has;
	} cases[] = {
		{ "CONFIG_X=y\n", true },
		{ "CONFIG_A=y\nCONFIG_X=y", true },
		{ "CONFIG_X=m\n", false },
		{ "CONFIG_XY=y\n", false },
		{ "MY_CONFIG_X=y\n", false },
		{ "# CONFIG_X is not set\n", false },
		{ "#CONFIG_X=y\n", false },
		{ "CONFIG_X=m\nCONFIG_X=y\n", true },
		{ "CONFIG_X=yes\n", false },
		{ "# CONFIG_X is not set\n#CONFIG_X=y\nCONFIG_X=yes\nCONFIG_X=n\n", false },
		{ "", false },
		{ NULL, false },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++)
		if (mf_kernel_config_has(cases[i].config, "CONFIG_X") != cases[i].has)
			fail_msg("case %zu", i);
}

static void each_place_of_a_configuration_is_read(void **state)
{
	static const char *const places[] = {
		"boot/config-" KERNEL,
		"lib/modules/" KERNEL "/config",
		"lib/modules/" KERNEL "/build/.config",
		"usr/src/linux-headers-" KERNEL "/.config",
	};
	struct root *r = *state;
	char *text = NULL;

	assert_int_equal(mf_kernel_config_read(&r->ctx, KERNEL, &text), 1);
	assert_null(text);
	for (size_t i = MF_ARRAY_SIZE(places); i-- > 0;) {
		/* earlier places come first */
		root_write(r, places[i], places[i]);
		assert_int_equal(mf_kernel_config_read(&r->ctx, KERNEL, &text), 0);
		assert_string_equal(text, places[i]);
		free(text);
	}
	/* also an empty one */
	root_write(r, places[0], "");
	assert_int_equal(mf_kernel_config_read(&r->ctx, KERNEL, &text), 0);
	assert_string_equal(text, "");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(an_option_is_a_whole_line),
		ROOTED(each_place_of_a_configuration_is_read),
	};

	return UNIT_RUN(tests);
}

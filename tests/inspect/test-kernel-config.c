/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which options a kernel was built with, and where its configuration is. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include "tests/root.h"
#include "src/inspect/kernel-config.h"

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
		{ "", false },
		{ NULL, false },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++)
		if (inspect_config_has(cases[i].config, "CONFIG_X") != cases[i].has)
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

	assert_null(inspect_read_config(&r->ctx));
	for (size_t i = MF_ARRAY_SIZE(places); i-- > 0;) {
		char *text;

		/* earlier places come first */
		root_write(r, places[i], places[i]);
		text = inspect_read_config(&r->ctx);
		assert_string_equal(text, places[i]);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(an_option_is_a_whole_line),
		ROOTED(each_place_of_a_configuration_is_read),
	};

	return UNIT_RUN(tests);
}

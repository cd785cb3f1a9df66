/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which modules read a stick: the character set is that of the kernel. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/mount.h"

static void the_character_set_is_that_of_the_kernel(void **state)
{
	static const struct {
		const char *config, *module;
	} cases[] = {
		{ NULL, NULL },
		{ "CONFIG_FAT_DEFAULT_UTF8=y\n", NULL },
		{ "CONFIG_FAT_DEFAULT_IOCHARSET=\"ascii\"\n", "nls_ascii" },
		{ "CONFIG_FAT_DEFAULT_IOCHARSET=\"iso8859-15\"\n", "nls_iso8859_15" },
	};
	struct root *r = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		_cleanup_(mf_strings_done) struct mf_strings modules = { 0 };

		if (cases[i].config)
			root_write(r, "boot/config-" KERNEL, cases[i].config);
		assert_int_equal(mf_media_modules(&r->ctx, false, &modules), 0);
		assert_int_equal(modules.n, cases[i].module ? 6 : 5);
		if (cases[i].module)
			assert_true(mf_strings_has(&modules, cases[i].module));
		assert_true(mf_strings_has(&modules, "usb_storage"));
		assert_false(mf_strings_has(&modules, "isofs"));
	}
}

static void a_disc_needs_more(void **state)
{
	_cleanup_(mf_strings_done) struct mf_strings modules = { 0 };
	struct root *r = *state;

	assert_int_equal(mf_media_modules(&r->ctx, true, &modules), 0);
	assert_true(mf_strings_has(&modules, "isofs"));
	assert_true(mf_strings_has(&modules, "sr_mod"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(the_character_set_is_that_of_the_kernel),
		ROOTED(a_disc_needs_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

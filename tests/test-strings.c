/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit.h"
#include "modfetch/strings.h"

static void module_names_are_spelt_as_kmod_spells_them(void **state)
{
	static const struct {
		const char *path, *name;
	} cases[] = {
		{ "kernel/drivers/net/e1000e.ko", "e1000e" },
		{ "snd-hda-intel.ko.xz", "snd_hda_intel" },
		{ "/lib/modules/6.1/a.kohl.ko.zst", "a.kohl" },
		{ "snd-hda-intel", "snd_hda_intel" },
	};
	char name[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_true(mf_module_name(cases[i].path, name, sizeof(name)));
		assert_string_equal(name, cases[i].name);
	}
	assert_false(mf_module_name("dir/.ko", name, sizeof(name)));
	assert_false(mf_module_name("", name, sizeof(name)));
	assert_false(mf_module_name("e1000e.ko", name, 6));
	assert_true(mf_module_name("e1000e.ko", name, 7));
}

static void a_list_splits_sorts_and_knows_its_words(void **state)
{
	struct mf_strings list = { 0 };

	assert_int_equal(mf_strings_split(&list, "  b, a\tc,,b\n"), 0);
	assert_int_equal(list.n, 4);
	assert_int_equal(mf_strings_add_unique(&list, "a"), 0);
	assert_int_equal(list.n, 4);
	mf_strings_sort(&list);
	assert_string_equal(list.v[0], "a");
	assert_string_equal(list.v[3], "c");
	assert_null(list.v[4]);
	assert_true(mf_strings_has(&list, "b"));
	assert_false(mf_strings_has(&list, "d"));
	mf_strings_done(&list);
	assert_null(list.v);
}

static void prefixes_and_suffixes_may_be_the_whole_or_longer(void **state)
{
	assert_true(mf_starts_with("pci:v", "pci:"));
	assert_true(mf_starts_with("pci:", "pci:"));
	assert_false(mf_starts_with("pci", "pci:"));
	assert_true(mf_ends_with("x.ko", ".ko"));
	assert_false(mf_ends_with("o", ".ko"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(module_names_are_spelt_as_kmod_spells_them),
		UNIT(a_list_splits_sorts_and_knows_its_words),
		UNIT(prefixes_and_suffixes_may_be_the_whole_or_longer),
	};

	return UNIT_RUN(tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names from a module tree that may stand in a spec, and those that may not. */
#include "tests/unit.h"
#include "src/pack/model.h"

static void names_of_packages(void **state)
{
	assert_true(pack_plain_name("snd_hda_intel"));
	assert_true(pack_plain_name("8021q"));
	assert_false(pack_plain_name(""));
	assert_false(pack_plain_name(".hidden"));
	assert_false(pack_plain_name("+x"));
	assert_false(pack_plain_name("%(id)"));
	assert_false(pack_plain_name("a b"));
}

static void symbols_of_dependencies(void **state)
{
	assert_true(pack_plain_symbol("module_layout"));
	assert_true(pack_plain_symbol("_RNvCs6kernel5print"));
	assert_true(pack_plain_symbol("__pv.isra.0"));
	assert_false(pack_plain_symbol(""));
	assert_false(pack_plain_symbol("q = 1"));
	assert_false(pack_plain_symbol("a,b"));
	assert_false(pack_plain_symbol("a)b"));
	assert_false(pack_plain_symbol("%{lua:x}"));
	assert_false(pack_plain_symbol("caf\xc3\xa9"));
}

static void files_below_a_tree(void **state)
{
	assert_true(pack_plain_path("kernel/drivers/net/dummy.ko.xz"));
	/* real firmware has such names */
	assert_true(pack_plain_path("brcm/brcmfmac43340-sdio.ASUSTeK COMPUTER INC.-T100HAN.txt"));
	assert_true(pack_plain_path("a'b\"c$d"));
	assert_false(pack_plain_path(""));
	assert_false(pack_plain_path("kernel/100%/x.ko"));
	assert_false(pack_plain_path("kernel/a\nb.ko"));
	assert_false(pack_plain_path("kernel/\x7f.ko"));
}

static void directories_of_trees(void **state)
{
	assert_true(pack_plain_base("/lib/modules/6.1.0-56-amd64"));
	assert_true(pack_plain_base("/srv/my kernels/x_1+y~z"));
	assert_false(pack_plain_base("/srv/%(id)/x"));
	assert_false(pack_plain_base("/srv/$(id)/x"));
	assert_false(pack_plain_base("/srv/`id`/x"));
	assert_false(pack_plain_base("/srv/\"/x"));
	assert_false(pack_plain_base("/srv/\\/x"));
	assert_false(pack_plain_base("/srv/}/x"));
	assert_false(pack_plain_base("/srv/\n/x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_packages),
		cmocka_unit_test(symbols_of_dependencies),
		cmocka_unit_test(files_below_a_tree),
		cmocka_unit_test(directories_of_trees),
	};

	return UNIT_RUN(tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* modules.dep and modules.symbols of a small tree of real modules, and odd ones. */
#include "tests/unit.h"
#include "src/fit/index.h"
#include <fcntl.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "tests/shell.h"
#include "tests/trees.h"

static struct mf_context ctx;

static int setup(void **state)
{
	const char *tree = tree_of("default");

	*state = enter_scratch();
	run("mkdir -p lib/modules/K");
	assert_int_equal(mf_context_init(&ctx, ".", "K"), 0);
	run("cd lib/modules/K; mkdir -p kernel/net kernel/fs updates && cp "
	    "%s/kernel/net/rfkill/rfkill.ko "
	    "kernel/net/ "
	    "&& cp %s/kernel/fs/fat/*fat.ko kernel/fs/ && cp kernel/fs/fat.ko updates/ && "
	    "printf 'kernel/net/rfkill.ko:\\nkernel/fs/vfat.ko: updates/fat.ko\\n"
	    "updates/fat.ko:\\nkernel/gone.ko: kernel/net/rfkill.ko' >modules.dep && "
	    "printf '# Aliases\\nalias symbol:rfkill_alloc rfkill\\nalias symbol:fat_scan fat\\n"
	    "alias symbol:lost gone\\nalias symbol:\\nalias fat\\n' >modules.symbols",
	    tree, tree);
	return 0;
}

static int teardown(void **state)
{
	mf_context_done(&ctx);
	return remove_scratch(state);
}

#define INDEX(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static struct fit_index open_index(void)
{
	struct fit_index index;

	assert_int_equal(fit_index_init(&index, &ctx, "lib/modules/K"), 0);
	return index;
}

static void it_knows_the_file_that_counts(void **state)
{
	_cleanup_(fit_index_done) struct fit_index index = open_index();

	assert_string_equal(fit_index_path(&index, "fat"), "updates/fat.ko");
	assert_string_equal(fit_index_path(&index, "vfat"), "kernel/fs/vfat.ko");
	assert_string_equal(fit_index_path(&index, "gone"), "kernel/gone.ko");
	assert_null(fit_index_path(&index, "ext4"));
	assert_true(fit_index_in_box(&index, "vfat"));
	assert_false(fit_index_in_box(&index, "fat"));
	assert_false(fit_index_in_box(&index, "ext4"));
}

static int on_path(void *arg, const char *path)
{
	strcat(strcat(arg, path), " ");
	return 0;
}

static void the_kernels_own_modules_are_those_below_kernel(void **state)
{
	_cleanup_(fit_index_done) struct fit_index index = open_index();
	char seen[256] = "";

	assert_int_equal(fit_index_each_in_box(&index, on_path, seen), 0);
	assert_string_equal(seen, "kernel/net/rfkill.ko kernel/fs/vfat.ko kernel/gone.ko ");
}

static void a_symbol_is_found_by_the_index_or_by_its_module(void **state)
{
	_cleanup_(fit_index_done) struct fit_index index = open_index();
	const struct fit_export *e;

	assert_int_equal(fit_index_export(&index, "rfkill_alloc", NULL, &e), 0);
	assert_non_null(e);
	assert_string_equal(e->module, "rfkill");
	assert_true(e->has_crc && e->crc);
	assert_int_equal(fit_index_export(&index, "fat_time_fat2unix", "fat", &e), 0);
	assert_true(e && e->gpl_only);
	assert_int_equal(fit_index_export(&index, "lost", NULL, &e), 0);
	assert_null(e);
	assert_int_equal(fit_index_export(&index, "nobody", NULL, &e), 0);
	assert_null(e);
	assert_int_equal(fit_index_export(&index, "nobody", "vfat", &e), 0);
	assert_null(e);
}

static void an_added_module_replaces_the_one_of_its_name(void **state)
{
	_cleanup_(fit_index_done) struct fit_index index = open_index();
	const struct mf_symbol exports[] = { { "rfkill_alloc", 7, true, false },
					     { "new", 0, false, false } };
	const struct mf_modinfo module = { .exports = (struct mf_symbol *)exports, .n_exports = 2 };
	const struct fit_export *e;

	assert_int_equal(fit_index_add(&index, "rfkill", &module), 0);
	assert_int_equal(fit_index_export(&index, "rfkill_alloc", NULL, &e), 0);
	assert_int_equal(e->crc, 7);
	assert_int_equal(fit_index_export(&index, "new", NULL, &e), 0);
	assert_false(e->has_crc);
	/* the file of that name is not read any more */
	assert_int_equal(fit_index_export(&index, "rfkill_register", "rfkill", &e), 0);
	assert_null(e);
}

static void an_absolute_link_leads_to_the_file_below_the_root(void **state)
{
	_cleanup_(fit_index_done) struct fit_index index = { 0 };
	const struct fit_export *e;

	run("mkdir other && mv lib/modules/K/kernel/net/rfkill.ko other/ && "
	    "ln -s /other/rfkill.ko lib/modules/K/kernel/net/rfkill.ko");
	index = open_index();
	assert_int_equal(fit_index_export(&index, "rfkill_alloc", NULL, &e), 0);
	assert_non_null(e);
}

static void without_a_directory_or_indexes_it_is_empty(void **state)
{
	struct fit_index index;
	const struct fit_export *e = NULL;

	assert_int_equal(fit_index_init(&index, &ctx, NULL), 0);
	assert_null(fit_index_path(&index, "fat"));
	assert_int_equal(fit_index_export(&index, "fat_scan", NULL, &e), 0);
	assert_null(e);
	fit_index_done(&index);
	run("rm lib/modules/K/modules.*");
	index = open_index();
	assert_null(fit_index_path(&index, "fat"));
	assert_int_equal(fit_index_export(&index, "fat_scan", NULL, &e), 0);
	assert_null(e);
	fit_index_done(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		INDEX(it_knows_the_file_that_counts),
		INDEX(the_kernels_own_modules_are_those_below_kernel),
		INDEX(a_symbol_is_found_by_the_index_or_by_its_module),
		INDEX(an_added_module_replaces_the_one_of_its_name),
		INDEX(an_absolute_link_leads_to_the_file_below_the_root),
		INDEX(without_a_directory_or_indexes_it_is_empty),
	};

	return UNIT_RUN(tests);
}

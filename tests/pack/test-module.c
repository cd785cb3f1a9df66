/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A module reduced to what packages are made of, compared with all of it; for every module of a
 * real kernel.
 */
#include "tests/unit.h"
#include "tests/packs.h"
#include "tests/trees.h"
#include "modfetch/modinfo.h"

static void check_symbols(const struct mf_symbol *want, size_t n, const struct pack_symbol *got,
			  size_t n_got)
{
	assert_int_equal(n, n_got);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(got[i].name, want[i].name);
		assert_int_equal(got[i].crc, want[i].crc);
		assert_int_equal(got[i].has_crc, want[i].has_crc);
		assert_int_equal(got[i].weak, want[i].weak);
	}
}

static void compare(void *arg, const char *path)
{
	struct pack_module module = { .path = strdup(path) };
	struct mf_modinfo info = { 0 };
	size_t aliases = 0;

	pack_module_read(AT_FDCWD, &module);
	assert_int_equal(module.error, 0);
	assert_int_equal(mf_modinfo_read_at(AT_FDCWD, path, &info), 0);
	check_symbols(info.exports, info.n_exports, module.exports, module.n_exports);
	check_symbols(info.imports, info.n_imports, module.imports, module.n_imports);
	for (size_t i = 0; i < info.n_fields; i++)
		if (!strcmp(info.fields[i].key, "alias"))
			assert_string_equal(module.fields[PACK_ALIAS][aliases++],
					    info.fields[i].value);
	assert_int_equal(aliases, module.n_fields[PACK_ALIAS]);
	if (mf_modinfo_get(&info, "description"))
		assert_string_equal(module.description, mf_modinfo_get(&info, "description"));
	else
		assert_null(module.description);
	assert_string_equal(module.arch, "x86_64");
	assert_true(module.intree && module.is_signed && module.has_versions);
	mf_modinfo_done(&info);
	pack_module_done(&module);
}

static void every_module_is_kept_whole(void **state)
{
	assert_true(each_module(tree_of("default"), 5, compare, NULL) > 500);
}

static void a_file_that_cannot_be_read_has_its_error(void **state)
{
	struct pack_module absent = { .path = strdup("/nonexistent.ko") };
	struct pack_module directory = { .path = strdup("/tmp") };
	struct pack_module text = { .path = strdup("/etc/passwd") };

	pack_module_read(AT_FDCWD, &absent);
	pack_module_read(AT_FDCWD, &directory);
	pack_module_read(AT_FDCWD, &text);
	assert_int_equal(absent.error, -ENOENT);
	assert_int_equal(directory.error, -EISDIR);
	assert_int_equal(text.error, -EBADMSG);
	pack_module_done(&absent);
	pack_module_done(&directory);
	pack_module_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(every_module_is_kept_whole),
		UNIT(a_file_that_cannot_be_read_has_its_error),
	};

	return UNIT_RUN(tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which files are modules, and their names. The oracle for names is libkmod, for a table of unusual
 * names and some thousand combinations of the parts of endings; road/judged.py compares with
 * depmod, which decides which files are modules, for the same table.
 */
#include "tests/unit.h"
#include "modfetch/array.h"
#include "modfetch/module-name.h"
#include <fcntl.h>
#include <libkmod.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"

#define TEN    "abcdefghij"
#define FIFTY  TEN TEN TEN TEN TEN
#define LONG   FIFTY FIFTY FIFTY FIFTY TEN TEN TEN TEN TEN "12" /* 252 and ".ko" is the most */
#define RANDOM 5000

static const struct {
	const char *file;
	enum mf_module_ending ending;
	const char *name; /* NULL: no valid name */
	bool cut;
} table[] = {
	{ "e1000e.ko", MF_MODULE_KO, "e1000e", false },
	{ "snd-hda-intel.ko.xz", MF_MODULE_KO_XZ, "snd_hda_intel", false },
	{ "x-y_z.ko.zst", MF_MODULE_KO_ZST, "x_y_z", false },
	{ "x.ko.gz", MF_MODULE_KO_GZ, "x", false },
	{ "e1000e.evil.ko", MF_MODULE_KO, "e1000e", true },
	{ "x.ko.ko", MF_MODULE_KO, "x", true },
	{ "a.ko.xz.ko", MF_MODULE_KO, "a", true },
	{ "a.kohl.ko.zst", MF_MODULE_KO_ZST, "a", true },
	{ "x..ko", MF_MODULE_KO, "x", true },
	{ ".x.ko", MF_MODULE_KO, NULL, true },
	{ "..ko", MF_MODULE_KO, NULL, true },
	{ ".ko.ko", MF_MODULE_KO, NULL, true },
	{ ".ko", MF_NO_MODULE, NULL, false },
	{ ".ko.xz", MF_NO_MODULE, NULL, false },
	{ "ko", MF_NO_MODULE, "ko", false },
	{ "x.KO", MF_NO_MODULE, "x", false },
	{ "x.ko.bz2", MF_NO_MODULE, "x", false },
	{ "x.ko.lzma", MF_NO_MODULE, "x", false },
	{ "x.ko.XZ", MF_NO_MODULE, "x", false },
	{ "x.ko.", MF_NO_MODULE, "x", false },
	{ "x.ko~", MF_NO_MODULE, "x", false },
	{ "x.koo", MF_NO_MODULE, "x", false },
	{ "xko", MF_NO_MODULE, "xko", false },
	{ "x.ko.gz.xz", MF_NO_MODULE, "x", false },
	{ "x.xz", MF_NO_MODULE, "x", false },
	{ "vmlinuz-6.1", MF_NO_MODULE, "vmlinuz_6", false },
	{ "a b.ko", MF_MODULE_KO, NULL, false },
	{ "a\nb.ko", MF_MODULE_KO, NULL, false },
	{ "\xc3\xa4.ko", MF_MODULE_KO, NULL, false },
	{ "-.ko", MF_MODULE_KO, "_", false },
	{ LONG ".ko", MF_MODULE_KO, LONG, false },
};

static void odd_names_are_what_the_table_says(void **state)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(table); i++) {
		const char *file = table[i].file;
		char name[MF_MODULE_NAME_SIZE] = "", path[512];
		bool named = mf_module_name(file, name, sizeof(name));

		assert_int_equal(mf_module_ending(file, strlen(file)), table[i].ending);
		assert_int_equal(mf_is_module(file), table[i].ending != MF_NO_MODULE);
		assert_int_equal(mf_module_name_is_cut(file), table[i].cut);
		assert_string_equal(named ? name : "none", table[i].name ?: "none");
		/* the names of directories do not matter */
		snprintf(path, sizeof(path), "/lib/modules/6.1.0/x.ko/%s", file);
		assert_int_equal(mf_is_module(path), table[i].ending != MF_NO_MODULE);
		assert_int_equal(mf_module_name(path, name, sizeof(name)), named);
		assert_int_equal(mf_module_name_is_cut(path), table[i].cut);
	}
}

static void a_name_must_fit_with_its_end(void **state)
{
	char name[8];

	assert_false(mf_module_name("e1000e.ko", name, 6));
	assert_true(mf_module_name("e1000e.ko", name, 7));
	assert_string_equal(name, "e1000e");
	assert_false(mf_module_name("", name, sizeof(name)));
	assert_false(mf_module_name("dir/", name, sizeof(name)));
	assert_int_equal(mf_module_spell("a-b.ko", 2, name), 2);
	assert_string_equal(name, "a_");
	assert_int_equal(mf_module_spell("a b.ko", 6, name), 3);
	assert_string_equal(name, "a b");
}

/* libkmod checks that the file exists, but does not read it. */
static void compare_with_kmod(struct kmod_ctx *kmod, int dirfd, const char *dir, const char *file)
{
	_cleanup_close_ int fd = openat(dirfd, file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	struct kmod_module *mod = NULL;
	char path[512], name[MF_MODULE_NAME_SIZE];
	size_t len;
	int r;

	assert_true(fd >= 0);
	len = mf_module_spell(file, strlen(file), name);
	assert_int_equal(len, strlen(name));
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	r = kmod_module_new_from_path(kmod, path, &mod);
	if (r < 0)
		assert_int_equal(len, 0);
	else
		assert_string_equal(kmod_module_get_name(mod), name);
	kmod_module_unref(mod);
	assert_int_equal(unlinkat(dirfd, file, 0), 0);
}

static void libkmod_gives_each_file_the_same_name(void **state)
{
	static const char *const pieces[] = { ".ko", ".xz", ".gz", ".zst", "-", "_", ".",
					      "a",   "ko",  " ",   "KO",   "b", "é" };
	char dir[] = "/tmp/modfetch-names-XXXXXX";
	struct kmod_ctx *kmod = kmod_new(NULL, NULL);
	_cleanup_close_ int dirfd = -1;

	assert_non_null(mkdtemp(dir));
	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dirfd >= 0);
	assert_non_null(kmod);
	for (size_t i = 0; i < MF_ARRAY_SIZE(table); i++)
		compare_with_kmod(kmod, dirfd, dir, table[i].file);
	srandom(1);
	for (int i = 0; i < RANDOM; i++) {
		char file[64] = "";

		for (long n = random() % 7 + 1; n; n--)
			strcat(file, pieces[(size_t)random() % (MF_ARRAY_SIZE(pieces))]);
		if (strcmp(file, ".") && strcmp(file, ".."))
			compare_with_kmod(kmod, dirfd, dir, file);
	}
	kmod_unref(kmod);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(odd_names_are_what_the_table_says),
		UNIT(a_name_must_fit_with_its_end),
		UNIT(libkmod_gives_each_file_the_same_name),
	};

	return UNIT_RUN(tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The read-only strings of real modules, of both byte orders; and of files that are no modules. */
#include "tests/unit.h"
#include "modfetch/modinfo.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/file.h"
#include "tests/trees.h"

struct wanted {
	const char *s;
	size_t found, all;
};

static int look(void *arg, const char *s)
{
	struct wanted *wanted = arg;
	size_t len = strlen(s);

	assert_true(len >= 2 && len <= MF_ROSTRING_MAX);
	for (size_t i = 0; i < len; i++)
		assert_true(s[i] > ' ' && s[i] < 0x7f);
	wanted->found += !strcmp(s, wanted->s);
	wanted->all++;
	return 0;
}

static void read_tree_module(const char *path, struct mf_modinfo *info)
{
	char full[4096];

	snprintf(full, sizeof(full), "%s/%s", tree_of("default"), path);
	assert_int_equal(mf_modinfo_read_at(AT_FDCWD, full, info), 0);
}

static void literals_and_tables_are_found(void **state)
{
	static const char *const strings[] = { "iwlmvm", "iwldvm" };
	struct mf_modinfo info = { 0 };

	read_tree_module("kernel/drivers/net/wireless/intel/iwlwifi/iwlwifi.ko", &info);
	for (size_t i = 0; i < 2; i++) {
		struct wanted wanted = { .s = strings[i] };

		assert_int_equal(mf_rostrings_each(info.data, info.elf_len, look, &wanted), 0);
		assert_true(wanted.found >= 1);
		assert_true(wanted.all > 100);
	}
	mf_modinfo_done(&info);
}

static int end_walk(void *arg, const char *s)
{
	++*(int *)arg;
	return 7;
}

static void the_walk_ends_where_the_caller_says_so(void **state)
{
	struct mf_modinfo info = { 0 };
	int calls = 0;

	read_tree_module("kernel/drivers/net/wireless/intel/iwlwifi/iwlwifi.ko", &info);
	assert_int_equal(mf_rostrings_each(info.data, info.elf_len, end_walk, &calls), 7);
	assert_int_equal(calls, 1);
	mf_modinfo_done(&info);
}

static void what_is_cut_short_is_no_module(void **state)
{
	struct mf_modinfo info = { 0 };
	struct wanted wanted = { .s = "x" };

	read_tree_module("kernel/drivers/net/wireless/intel/iwlwifi/iwlwifi.ko", &info);
	assert_int_equal(mf_rostrings_each(info.data, 100, look, &wanted), -EBADMSG);
	assert_int_equal(mf_rostrings_each("text", 4, look, &wanted), -EBADMSG);
	assert_int_equal(wanted.all, 0);
	mf_modinfo_done(&info);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(literals_and_tables_are_found),
		UNIT(the_walk_ends_where_the_caller_says_so),
		UNIT(what_is_cut_short_is_no_module),
	};

	return UNIT_RUN(tests);
}

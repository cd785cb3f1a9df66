/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests the names of all modules of a kernel: the same answers as libkmod's. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/array.h"
#include "modfetch/libkmod.h"
#include "modfetch/trie.h"
#include "src/load/module-names.h"

static void put_bytes(struct root *r, const char *file, const void *bytes, size_t len)
{
	char path[200];

	snprintf(path, sizeof(path), "lib/modules/%s/%s", r->ctx.kernel, file);
	root_write_bytes(r, path, bytes, len);
}

/* An index of two names. */
static void put_index(struct root *r, const char *file, const char *first, const char *second)
{
	struct mf_trie_builder *builder;
	void *buf;
	size_t len;

	assert_int_equal(mf_trie_builder_new(&builder), 0);
	assert_int_equal(mf_trie_builder_add(builder, first, "kernel/x.ko: kernel/y.ko", 0), 0);
	assert_int_equal(mf_trie_builder_add(builder, second, "kernel/x.ko:", 0), 0);
	assert_int_equal(mf_trie_builder_finish(builder, &buf, &len), 0);
	put_bytes(r, file, buf, len);
	mf_trie_builder_free(builder);
	free(buf);
}

/* A letter for each name: on disk, built in or absent, as libkmod says too. */
static const char *presences(struct root *r)
{
	static const char *const names[] = { "ext4", "xfs", "both", "loop", "none" };
	static char letters[MF_ARRAY_SIZE(names) + 1];
	struct mf_module_names all = { 0 };
	struct mf_kmod *kmod;

	assert_int_equal(mf_kmod_new(&r->ctx, &kmod), 0);
	assert_int_equal(mf_module_names_read(kmod, &all), 0);
	for (size_t i = 0; i < MF_ARRAY_SIZE(names); i++) {
		enum mf_presence presence = mf_module_names_get(&all, names[i]);

		assert_int_equal(presence, mf_kmod_presence(kmod, names[i]));
		letters[i] = "-db"[presence];
	}
	mf_module_names_done(&all);
	mf_kmod_free(kmod);
	return letters;
}

static void names_are_those_of_the_indexes(void **state)
{
	struct root *r = *state;

	put_index(r, "modules.dep.bin", "xfs", "both");
	put_index(r, "modules.builtin.bin", "ext4", "both");
	assert_string_equal(presences(r), "bdd--");
}

static void the_text_file_counts_without_an_index_of_built_in_modules(void **state)
{
	struct root *r = *state;

	put_bytes(r, "modules.builtin", "kernel/fs/ext4/ext4.ko\nkernel/loop.ko\n", 38);
	assert_string_equal(presences(r), "b--b-");
	put_index(r, "modules.builtin.bin", "ext4", "both");
	assert_string_equal(presences(r), "b-b--");
}

static void a_damaged_index_has_no_names(void **state)
{
	struct root *r = *state;

	put_bytes(r, "modules.dep.bin", "no index", 8);
	assert_string_equal(presences(r), "-----");
}

static void a_kernel_without_a_directory_has_no_names(void **state)
{
	struct root *r = *state;

	free(r->ctx.kernel);
	r->ctx.kernel = strdup("6.9.0-1-amd64");
	assert_string_equal(presences(r), "-----");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(names_are_those_of_the_indexes),
		ROOTED(the_text_file_counts_without_an_index_of_built_in_modules),
		ROOTED(a_damaged_index_has_no_names),
		ROOTED(a_kernel_without_a_directory_has_no_names),
	};

	return UNIT_RUN(tests);
}

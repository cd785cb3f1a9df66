/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever way a caller writes a path, it means the file or leads to a look at everything. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/module-name.h"
#include "src/depmod/scan.h"
#include "src/depmod/state.h"

static const char strings[] = "kernel/a.ko\0kernel/b.ko";

struct world {
	struct root root;
	struct dm_tree tree;
	struct dm_config config;
	struct dm_record records[2];
	struct dm_state state;
	struct dm_scan scan;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	root_init(&w->root);
	w->tree.fd = openat(w->root.fd, "lib/modules/" KERNEL, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	root_write(&w->root, "lib/modules/" KERNEL "/kernel/a.ko", "new");
	w->records[0] = (struct dm_record){ .numbers.size = 9, .path = 0, .path_len = 11 };
	w->records[1] = (struct dm_record){ .numbers.size = 9, .path = 12, .path_len = 11 };
	w->state.base = (struct dm_segment){ .strings = strings,
					     .n_strings = sizeof(strings),
					     .records = w->records,
					     .n_records = 2 };
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	close(w->tree.fd);
	dm_scan_done(&w->scan);
	mf_strings_done(&w->config.excludes);
	root_done(&w->root);
	free(w);
	return 0;
}

static int scan(struct world *w, const char *path)
{
	const struct dm_flavor flavor = { .endings = 1 << MF_MODULE_KO | 1 << MF_MODULE_KO_XZ };
	struct mf_strings changed = { 0 };
	int r;

	dm_scan_done(&w->scan);
	assert_int_equal(mf_strings_add(&changed, path), 0);
	r = dm_scan_changed(&w->tree, &w->config, &flavor, &w->state, &changed, &w->scan);
	mf_strings_done(&changed);
	return r;
}

/* The size that the scan has of a file; -1: it has none. */
static int64_t size_of(const struct world *w, const char *path)
{
	for (size_t i = 0; i < w->scan.n; i++)
		if (!strcmp(w->scan.files[i].path, path))
			return (int64_t)w->scan.files[i].numbers.size;
	return -1;
}

static void a_path_means_its_file_however_it_is_spelled(void **state)
{
	static const char *const spellings[] = { "kernel/a.ko", "./kernel/a.ko", "kernel//a.ko",
						 "kernel/./a.ko", ".//kernel/.//a.ko" };
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(spellings) / sizeof(*spellings); i++) {
		assert_int_equal(scan(w, spellings[i]), 0);
		assert_int_equal(w->scan.n, 2);
		assert_int_equal(size_of(w, "kernel/a.ko"), 3);
		/* no path named this one as changed, even though it is gone */
		assert_int_equal(size_of(w, "kernel/b.ko"), 9);
	}
}

static void what_is_gone_goes_and_what_is_new_comes(void **state)
{
	struct world *w = *state;

	assert_int_equal(scan(w, "kernel//b.ko"), 0);
	assert_int_equal(w->scan.n, 1);
	assert_int_equal(size_of(w, "kernel/b.ko"), -1);
	root_write(&w->root, "lib/modules/" KERNEL "/extra/c.ko.xz", "xz");
	assert_int_equal(scan(w, "extra//c.ko.xz"), 0);
	assert_int_equal(w->scan.n, 3);
	assert_int_equal(size_of(w, "extra/c.ko.xz"), 2);
	/* an ending that depmod does not know, a name it passes over */
	root_write(&w->root, "lib/modules/" KERNEL "/extra/c.ko.zst", "zst");
	assert_int_equal(scan(w, "extra/c.ko.zst"), 0);
	assert_int_equal(w->scan.n, 2);
	assert_int_equal(mf_strings_add(&w->config.excludes, "extra"), 0);
	assert_int_equal(scan(w, "extra/c.ko.xz"), 0);
	assert_int_equal(w->scan.n, 2);
}

static void what_may_mean_more_than_a_file_is_not_enough(void **state)
{
	static const char *const paths[] = { "",
					     ".",
					     "kernel",
					     "kernel/",
					     "/etc",
					     "kernel/../kernel/a.ko",
					     "..",
					     "link.ko",
					     "directory/a.ko",
					     "missing/../kernel/b.ko" };
	struct world *w = *state;

	root_link(&w->root, "kernel/a.ko", "lib/modules/" KERNEL "/link.ko");
	root_link(&w->root, "kernel", "lib/modules/" KERNEL "/directory");
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		if (scan(w, paths[i]) != 1)
			fail_msg("'%s' was taken for a file", paths[i]);
}

static void a_file_where_a_folder_was_is_not_enough(void **state)
{
	struct world *w = *state;

	assert_int_equal(mf_tree_remove(w->tree.fd, "kernel"), 0);
	assert_int_equal(scan(w, "kernel"), 1);
	root_write(&w->root, "lib/modules/" KERNEL "/kernel", "a file");
	assert_int_equal(scan(w, "kernel"), 1);
}

static void many_paths_are_looked_at_with_the_tree(void **state)
{
	const struct dm_flavor flavor = { .endings = 1 << MF_MODULE_KO };
	struct mf_strings changed = { 0 };
	struct world *w = *state;

	for (int i = 0; i < 5000; i++)
		assert_int_equal(mf_strings_add(&changed, "kernel/a.ko"), 0);
	assert_int_equal(
		dm_scan_changed(&w->tree, &w->config, &flavor, &w->state, &changed, &w->scan), 1);
	mf_strings_done(&changed);
}

static void what_links_lead_to_is_looked_at_unasked(void **state)
{
	struct world *w = *state;

	root_write(&w->root, "lib/modules/" KERNEL "/kernel/b.ko", "four");
	w->records[1].flags = DM_LINKED;
	assert_int_equal(scan(w, "kernel/a.ko"), 0);
	assert_int_equal(size_of(w, "kernel/b.ko"), 4);
	assert_int_equal(unlinkat(w->tree.fd, "kernel/b.ko", 0), 0);
	assert_int_equal(scan(w, "kernel/a.ko"), 1);
}

#define WORLD(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(a_path_means_its_file_however_it_is_spelled),
		WORLD(what_is_gone_goes_and_what_is_new_comes),
		WORLD(what_may_mean_more_than_a_file_is_not_enough),
		WORLD(a_file_where_a_folder_was_is_not_enough),
		WORLD(many_paths_are_looked_at_with_the_tree),
		WORLD(what_links_lead_to_is_looked_at_unasked),
	};

	return UNIT_RUN(tests);
}

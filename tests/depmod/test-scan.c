/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All module files of a tree are found, in one order however many threads look for them. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/module-name.h"
#include "src/depmod/scan.h"

#define TREE "lib/modules/" KERNEL

struct world {
	struct root root;
	struct dm_tree tree;
	struct dm_config config;
	struct dm_scan scan;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	root_init(&w->root);
	root_write(&w->root, TREE "/kernel/a/a.ko", "a");
	root_write(&w->root, TREE "/kernel/b/b.ko", "bb");
	root_write(&w->root, TREE "/kernel/b/deep/c.ko.xz", "ccc");
	root_write(&w->root, TREE "/kernel/b/deep/no-module", "");
	root_write(&w->root, TREE "/kernel/b/deep/d.ko.zst", "of no ending that is known");
	w->tree.fd = openat(w->root.fd, TREE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mf_workers_new(4, &w->tree.workers), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	mf_workers_free(w->tree.workers);
	if (w->tree.fd >= 0)
		close(w->tree.fd);
	mf_strings_done(&w->config.excludes);
	mf_strings_done(&w->config.externals);
	dm_scan_done(&w->scan);
	root_done(&w->root);
	free(w);
	return 0;
}

static int scan(struct world *w)
{
	const struct dm_flavor flavor = { .endings = 1 << MF_MODULE_KO | 1 << MF_MODULE_KO_XZ };

	dm_scan_done(&w->scan);
	return dm_scan(&w->root.ctx, &w->tree, &w->config, &flavor, &w->scan);
}

/* What the scan has of a file; one without a path: nothing. */
static struct dm_file file_of(const struct world *w, const char *path)
{
	for (size_t i = 0; i < w->scan.n; i++)
		if (!strcmp(w->scan.files[i].path, path))
			return w->scan.files[i];
	return (struct dm_file){ 0 };
}

static void modules_are_found_with_their_numbers(void **state)
{
	static const char *const paths[] = { "kernel/a/a.ko", "kernel/b/b.ko",
					     "kernel/b/deep/c.ko.xz" };
	struct world *w = *state;

	assert_int_equal(scan(w), 0);
	assert_int_equal(w->scan.n, 3);
	assert_false(w->scan.loose);
	for (size_t i = 0; i < 3; i++) {
		const struct dm_file f = file_of(w, paths[i]);
		struct dm_numbers numbers;
		struct stat st;

		assert_int_equal(fstatat(w->tree.fd, paths[i], &st, 0), 0);
		numbers = dm_numbers_of(&st);
		assert_true(dm_numbers_equal(&f.numbers, &numbers));
		assert_int_equal(f.numbers.size, i + 1);
		assert_int_equal(f.path_len, strlen(paths[i]));
		assert_string_equal(f.path + f.base, strrchr(paths[i], '/') + 1);
		assert_false(f.linked || f.external);
	}
}

static void what_came_and_what_went_is_seen(void **state)
{
	struct world *w = *state;
	int fd = w->tree.fd;

	root_write(&w->root, TREE "/kernel/b/deep/er/and/er/d.ko", "d");
	assert_int_equal(scan(w), 0);
	assert_int_equal(w->scan.n, 4);
	assert_int_equal(renameat2(fd, "kernel/b", fd, "kernel/a", RENAME_EXCHANGE), 0);
	assert_int_equal(scan(w), 0);
	assert_int_equal(w->scan.n, 4);
	assert_non_null(file_of(w, "kernel/a/deep/er/and/er/d.ko").path);
	assert_int_equal(mf_tree_remove(fd, "kernel/a"), 0);
	assert_int_equal(scan(w), 0);
	assert_int_equal(w->scan.n, 1);
	assert_int_equal(mf_tree_remove(fd, "kernel"), 0);
	assert_int_equal(scan(w), 0);
	assert_int_equal(w->scan.n, 0);
}

static void excluded_names_are_passed_over(void **state)
{
	struct world *w = *state;

	root_write(&w->root, TREE "/build/x.ko", "");
	root_write(&w->root, TREE "/source/x.ko", "");
	root_write(&w->root, TREE "/.hidden/x.ko", "");
	assert_int_equal(mf_strings_add(&w->config.excludes, "b"), 0);
	assert_int_equal(scan(w), 0);
	assert_int_equal(w->scan.n, 2);
	assert_non_null(file_of(w, "kernel/a/a.ko").path);
	assert_non_null(file_of(w, ".hidden/x.ko").path);
}

static void links_are_followed_and_make_the_scan_loose(void **state)
{
	struct world *w = *state;

	root_link(&w->root, "../a/a.ko", TREE "/kernel/b/e.ko");
	assert_int_equal(scan(w), 0);
	assert_true(file_of(w, "kernel/b/e.ko").linked);
	assert_int_equal(file_of(w, "kernel/b/e.ko").numbers.size, 1);
	assert_false(w->scan.loose);
	root_link(&w->root, "../b/deep", TREE "/kernel/a/link");
	assert_int_equal(scan(w), 0);
	assert_true(file_of(w, "kernel/a/link/c.ko.xz").linked);
	assert_true(w->scan.loose);
	assert_int_equal(unlinkat(w->tree.fd, "kernel/a/link", 0), 0);
	root_link(&w->root, "nowhere", TREE "/kernel/a/link");
	assert_int_equal(scan(w), 0);
	assert_int_equal(w->scan.n, 4);
	assert_true(w->scan.loose);
}

static void a_link_to_its_own_directory_ends(void **state)
{
	struct world *w = *state;

	root_link(&w->root, ".", TREE "/kernel/a/again");
	assert_int_equal(scan(w), 0);
	assert_true(w->scan.loose);
	assert_uint_in_range(w->scan.n, 30, 50);
}

static void external_directories_come_last(void **state)
{
	_cleanup_free_ char *outside = NULL;
	struct world *w = *state;

	root_write(&w->root, "outside/x.ko", "x");
	assert_true(asprintf(&outside, "%s/outside", w->root.path) > 0);
	assert_int_equal(mf_strings_add(&w->config.externals, outside), 0);
	assert_int_equal(mf_strings_add(&w->config.externals, "/no/such/directory"), 0);
	assert_int_equal(scan(w), 0);
	assert_int_equal(w->scan.n, 4);
	assert_true(w->scan.files[3].external);
	assert_int_equal(*w->scan.files[3].path, '/');
}

static void the_order_is_not_that_of_threads(void **state)
{
	struct world *w = *state;
	struct mf_workers *workers = w->tree.workers;
	struct dm_scan alone;
	char path[64];

	for (int i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), TREE "/kernel/%d/%d/m%d.ko", i % 7, i % 13, i);
		root_write(&w->root, path, "");
	}
	w->tree.workers = NULL;
	assert_int_equal(scan(w), 0);
	w->tree.workers = workers;
	alone = w->scan;
	w->scan = (struct dm_scan){ 0 };
	assert_int_equal(scan(w), 0);
	assert_int_equal(alone.n, 103);
	assert_int_equal(w->scan.n, 103);
	for (size_t i = 0; i < alone.n; i++)
		assert_string_equal(alone.files[i].path, w->scan.files[i].path);
	dm_scan_done(&alone);
}

static void a_tree_that_cannot_be_listed_is_a_failure(void **state)
{
	struct world *w = *state;

	close(w->tree.fd);
	w->tree.fd = openat(w->root.fd, TREE "/kernel/a/a.ko", O_RDONLY | O_CLOEXEC);
	assert_int_equal(scan(w), -ENOTDIR);
	assert_int_equal(w->scan.n, 0);
}

#define WORLD(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(modules_are_found_with_their_numbers),
		WORLD(what_came_and_what_went_is_seen),
		WORLD(excluded_names_are_passed_over),
		WORLD(links_are_followed_and_make_the_scan_loose),
		WORLD(a_link_to_its_own_directory_ends),
		WORLD(external_directories_come_last),
		WORLD(the_order_is_not_that_of_threads),
		WORLD(a_tree_that_cannot_be_listed_is_a_failure),
	};

	return UNIT_RUN(tests);
}

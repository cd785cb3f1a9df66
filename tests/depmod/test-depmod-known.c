/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Folders that are the same are not listed, and whatever changes in a tree is seen all the same. */
#include "tests/unit.h"
#include "tests/root.h"
#include <time.h>
#include "src/depmod/depmod-parts.h"

#define FOLDER "lib/modules/" KERNEL

struct world {
	struct root root;
	struct dm_tree tree;
	struct dm_config config;
	struct dm_scan scan;
	struct dm_record records[16];
	struct dm_folder_record folders[16];
	char strings[4096];
	struct dm_state state;
};

/* Longer than two changes can have the same time. */
static void settle(void)
{
	const struct timespec nap = { .tv_nsec = 30000000 };

	nanosleep(&nap, NULL);
}

static uint32_t add_string(struct world *w, uint32_t *end, const char *s)
{
	uint32_t at = *end;

	assert_true(at + strlen(s) < sizeof(w->strings));
	memcpy(w->strings + at, s, strlen(s) + 1);
	*end += (uint32_t)strlen(s) + 1;
	return at;
}

/* Scans the tree as a whole, and takes what was found for the state. */
static void remember(struct world *w)
{
	const struct dm_flavour flavour = { .xz = true };
	uint32_t end = 0;

	w->tree.began = dm_now();
	dm_scan_done(&w->scan);
	assert_int_equal(dm_scan(&w->root.ctx, &w->tree, &w->config, &flavour, &w->scan), 0);
	assert_true(w->scan.n <= 16 && w->scan.n_folders <= 16);
	for (size_t i = 0; i < w->scan.n; i++) {
		const struct dm_file *f = &w->scan.files[i];

		w->records[i] = (struct dm_record){ .size = f->size,
						    .inode = f->inode,
						    .mtime = f->mtime,
						    .ctime = f->ctime,
						    .path_len = f->path_len,
						    .flags = DM_READ };
		w->records[i].path = add_string(w, &end, f->path);
	}
	for (size_t i = 0; i < w->scan.n_folders; i++) {
		const struct dm_folder *f = &w->scan.folders[i];

		w->folders[i] =
			(struct dm_folder_record){ f->inode, f->mtime, f->ctime, 0, f->path_len };
		w->folders[i].path = add_string(w, &end, f->path);
	}
	w->state.base = (struct dm_segment){ .strings = w->strings,
					     .n_strings = end,
					     .records = w->records,
					     .n_records = (uint32_t)w->scan.n };
	w->state.folders =
		(struct dm_folders){ w->folders, w->strings, (uint32_t)w->scan.n_folders, end };
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct stat st;

	root_init(&w->root);
	root_write(&w->root, FOLDER "/kernel/a/a.ko", "a");
	root_write(&w->root, FOLDER "/kernel/b/b.ko", "b");
	root_write(&w->root, FOLDER "/kernel/b/deep/c.ko.xz", "c");
	root_write(&w->root, FOLDER "/kernel/b/deep/no-module", "");
	w->tree.fd = openat(w->root.fd, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(fstat(w->tree.fd, &st), 0);
	w->tree.device = st.st_dev;
	/* not what this test's own folder is on, but what it is about */
	w->tree.keeps_times = true;
	assert_int_equal(mf_workers_new(2, &w->tree.workers), 0);
	settle();
	remember(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	mf_workers_free(w->tree.workers);
	close(w->tree.fd);
	dm_scan_done(&w->scan);
	root_done(&w->root);
	free(w);
	return 0;
}

/* What a scan did meanwhile. */
struct meant {
	int r; /* to be returned */
	size_t n;
	bool news;
};

/* The paths are there, in whatever order, and whether the state knows them. */
static int take_paths(void *arg, const struct dm_scan *scan, bool news)
{
	struct meant *meant = arg;

	for (size_t i = 0; i < scan->n; i++) {
		assert_int_equal(scan->files[i].path[scan->files[i].path_len], '\0');
		assert_int_not_equal(scan->files[i].known, 0);
	}
	meant->n = scan->n;
	meant->news = news;
	return meant->r;
}

static int scan_meanwhile(struct world *w, struct meant *meant)
{
	const struct dm_flavour flavour = { .xz = true };
	const struct dm_meanwhile meanwhile = { take_paths, meant };
	int r;

	dm_scan_done(&w->scan);
	w->tree.began = dm_now();
	r = dm_scan_known(&w->root.ctx, &w->tree, &w->config, &flavour, &w->state, &meanwhile,
			  &w->scan);
	if (!r)
		assert_int_equal(meant->n, w->scan.n);
	return r;
}

static int scan(struct world *w)
{
	struct meant meant = { 0 };

	return scan_meanwhile(w, &meant);
}

static void a_failure_meanwhile_is_the_scans(void **state)
{
	struct world *w = *state;

	struct meant meant = { .r = -ENOSPC };

	assert_int_equal(scan_meanwhile(w, &meant), -ENOSPC);
	assert_int_equal(w->scan.n, 0);
}

/* What the scan has of a file; one without a path: nothing. */
static struct dm_file file_of(const struct world *w, const char *path)
{
	for (size_t i = 0; i < w->scan.n; i++)
		if (!strcmp(w->scan.files[i].path, path))
			return w->scan.files[i];
	return (struct dm_file){ 0 };
}

/* Does the scan know which record a file has in the state? */
static bool has_its_record(const struct world *w, const char *path)
{
	const struct dm_segment *base = &w->state.base;
	uint32_t known = file_of(w, path).known;
	const struct dm_record *r = &base->records[known - 1];

	assert_in_range(known, 1, base->n_records);
	return !strcmp(base->strings + r->path, path);
}

static void the_state_is_asked_for_every_file(void **state)
{
	struct world *w = *state;
	struct meant meant = { 0 };

	assert_int_equal(scan_meanwhile(w, &meant), 0);
	assert_false(meant.news);
	root_write(&w->root, FOLDER "/kernel/b/new.ko", "new");
	assert_int_equal(scan_meanwhile(w, &meant), 0);
	assert_true(meant.news);
	assert_int_equal(meant.n, 4);
	assert_true(has_its_record(w, "kernel/a/a.ko"));
	assert_true(has_its_record(w, "kernel/b/b.ko"));
	assert_true(has_its_record(w, "kernel/b/deep/c.ko.xz"));
	assert_int_equal(file_of(w, "kernel/b/new.ko").known, DM_NONE);
}

/* Both ways to scan find the same files with the same numbers, and the same folders. */
static void assert_same(struct world *w, size_t n)
{
	const struct dm_flavour flavour = { .xz = true };
	struct dm_scan whole;

	assert_int_equal(scan(w), 0);
	assert_int_equal(w->scan.n, n);
	assert_int_equal(dm_scan(&w->root.ctx, &w->tree, &w->config, &flavour, &whole), 0);
	assert_int_equal(whole.n, n);
	assert_int_equal(whole.n_folders, w->scan.n_folders);
	for (size_t i = 0; i < n; i++) {
		const struct dm_file *a = &whole.files[i];
		const struct dm_file b = file_of(w, a->path);

		assert_non_null(b.path);
		assert_true(a->size == b.size && a->inode == b.inode && a->mtime == b.mtime &&
			    a->ctime == b.ctime && a->base == b.base && a->path_len == b.path_len &&
			    a->linked == b.linked);
	}
	dm_scan_done(&whole);
}

static void a_folder_that_is_the_same_is_not_listed(void **state)
{
	struct world *w = *state;

	assert_same(w, 3);
	/* a state that does not know of a file is believed: nobody looked into its folder */
	w->state.base.n_records--;
	assert_int_equal(scan(w), 0);
	assert_int_equal(w->scan.n, 2);
}

static void every_change_is_seen(void **state)
{
	const struct timespec old[2] = { { 1000000000, 0 }, { 1000000000, 0 } };
	struct world *w = *state;
	int fd = w->tree.fd;

	/* in place: the folder stays as it was */
	root_write(&w->root, FOLDER "/kernel/a/a.ko", "edited");
	assert_same(w, 3);
	assert_int_equal(file_of(w, "kernel/a/a.ko").size, 6);
	/* a new one, and the time of the folder put back */
	root_write(&w->root, FOLDER "/kernel/a/new.ko", "new");
	assert_int_equal(utimensat(fd, "kernel/a", old, 0), 0);
	assert_same(w, 4);
	/* one is gone, one took another's place, one moved */
	assert_int_equal(unlinkat(fd, "kernel/b/b.ko", 0), 0);
	assert_same(w, 3);
	assert_int_equal(renameat(fd, "kernel/a/new.ko", fd, "kernel/a/a.ko"), 0);
	assert_same(w, 2);
	assert_int_equal(renameat(fd, "kernel/a/a.ko", fd, "kernel/b/deep/a.ko"), 0);
	assert_same(w, 2);
}

static void folders_come_and_go(void **state)
{
	struct world *w = *state;
	int fd = w->tree.fd;

	root_write(&w->root, FOLDER "/kernel/b/deep/er/and/er/d.ko", "d");
	assert_same(w, 4);
	assert_int_equal(renameat(fd, "kernel/b", fd, "kernel/other"), 0);
	assert_same(w, 4);
	assert_int_equal(renameat2(fd, "kernel/other", fd, "kernel/a", RENAME_EXCHANGE), 0);
	assert_same(w, 4);
	assert_non_null(file_of(w, "kernel/a/deep/er/and/er/d.ko").path);
	assert_int_equal(mf_tree_remove(fd, "kernel/a"), 0);
	assert_same(w, 1);
	root_write(&w->root, FOLDER "/kernel/a", "a file where a folder was");
	assert_same(w, 1);
	assert_int_equal(mf_tree_remove(fd, "kernel"), 0);
	assert_same(w, 0);
}

static size_t count_read(const struct world *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->scan.n; i++)
		n += w->scan.files[i].notes != NULL;
	return n;
}

static void a_few_new_files_are_read_at_once(void **state)
{
	struct world *w = *state;
	char path[64];

	assert_same(w, 3);
	assert_int_equal(count_read(w), 0);
	root_write(&w->root, FOLDER "/kernel/a/new.ko", "no module");
	assert_int_equal(scan(w), 0);
	/* not the one that was beside it */
	assert_int_equal(count_read(w), 1);
	assert_int_equal(file_of(w, "kernel/a/new.ko").notes->failed, -EBADMSG);
	for (int i = 0; i < 20; i++) {
		snprintf(path, sizeof(path), FOLDER "/kernel/b/new%d.ko", i);
		root_write(&w->root, path, "no module");
	}
	assert_same(w, 24);
	assert_int_equal(count_read(w), 0);
}

static void two_files_of_one_name_need_a_scan_in_order(void **state)
{
	struct world *w = *state;

	w->records[1].flags = 0;
	assert_int_equal(scan(w), 1);
}

static void what_changed_just_now_is_listed_again(void **state)
{
	struct world *w = *state;

	root_write(&w->root, FOLDER "/kernel/a/new.ko", "new");
	remember(w);
	assert_int_equal(w->scan.n, 4);
	for (size_t i = 0; i < w->scan.n_folders; i++)
		assert_int_equal(w->folders[i].ctime == DM_UNSURE,
				 !strcmp(w->scan.folders[i].path, "kernel/a"));
	/* what is not known of it is found even with the folder as it is */
	w->state.base.n_records = 0;
	assert_int_equal(scan(w), 0);
	assert_int_equal(w->scan.n, 2);
	assert_non_null(file_of(w, "kernel/a/new.ko").path);
}

static void what_does_not_fit_together_is_scanned_as_a_whole(void **state)
{
	struct world *w = *state;
	uint32_t n_folders = w->state.folders.n;

	/* a file that its folder never had */
	w->strings[w->records[0].path + w->records[0].path_len - 4]++;
	assert_int_equal(scan(w), 1);
	remember(w);
	/* files without their folders */
	w->state.folders.n = 1;
	assert_int_equal(scan(w), 1);
	w->state.folders.n = 0;
	assert_int_equal(scan(w), 1);
	w->state.folders.n = n_folders;
	assert_int_equal(scan(w), 0);
	/* a link may lead anywhere */
	root_link(&w->root, "../b", FOLDER "/kernel/a/link");
	assert_int_equal(scan(w), 1);
}

static void where_times_cannot_be_relied_on_none_is_remembered(void **state)
{
	struct world *w = *state;

	w->tree.keeps_times = false;
	assert_int_equal(scan(w), 1);
	remember(w);
	for (size_t i = 0; i < w->state.folders.n; i++)
		assert_true(w->folders[i].ctime == DM_UNSURE);
	w->tree.keeps_times = true;
	remember(w);
	assert_same(w, 3);
	/* mounted over: all that is there now is looked at */
	w->tree.device++;
	w->state.base.n_records = 0;
	assert_int_equal(scan(w), 0);
	assert_int_equal(w->scan.n, 3);
	for (size_t i = 0; i < w->scan.n_folders; i++)
		assert_true(w->scan.folders[i].ctime == DM_UNSURE);
}

static void a_clock_decides_what_is_sure(void **state)
{
	const int64_t second = 1000000000, began = 5000 * second + 1, ms = 1000000;
	const struct {
		int64_t ctime, now;
		bool racy;
	} cases[] = {
		{ began, began, true },
		{ began - 19 * ms, began + second, true },
		{ began - 21 * ms, began + second, false },
		/* changed while the tree was looked at */
		{ began + second, began + 2 * second, true },
		{ began + 2 * second + 21 * ms, began + 2 * second, false },
		/* the clock was set back meanwhile */
		{ began - 30 * second, began - 60 * second, true },
		{ began - 61 * second, began - 60 * second, false },
		/* a file system that counts whole seconds */
		{ 4999 * second, began, true },
		{ 4997 * second, began, false },
	};
	const struct dm_tree tree = { .began = began };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (dm_is_racy(&tree, cases[i].ctime, cases[i].now) != cases[i].racy)
			fail_msg("case %zu", i);
}

#define WORLD(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(a_folder_that_is_the_same_is_not_listed),
		WORLD(every_change_is_seen),
		WORLD(folders_come_and_go),
		WORLD(a_failure_meanwhile_is_the_scans),
		WORLD(the_state_is_asked_for_every_file),
		WORLD(a_few_new_files_are_read_at_once),
		WORLD(two_files_of_one_name_need_a_scan_in_order),
		WORLD(what_changed_just_now_is_listed_again),
		WORLD(what_does_not_fit_together_is_scanned_as_a_whole),
		WORLD(where_times_cannot_be_relied_on_none_is_remembered),
		UNIT(a_clock_decides_what_is_sure),
	};

	return UNIT_RUN(tests);
}

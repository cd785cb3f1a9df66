/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The undo record, written before a transaction, restores the tree. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/array.h"
#include "modfetch/undo.h"

#define TREE   "lib/modules/" KERNEL "/"
#define RECORD "var/lib/modfetch/undo"

#define TIME 1500000000

static struct mf_rpm_file files[] = {
	{ .path = (char *)"/" TREE "kernel/net/a.ko",
	  .mode = S_IFREG | 0644,
	  .mtime = TIME,
	  .size = 3 },
	{ .path = (char *)"/" TREE "kernel/net/deep/er/b.ko",
	  .mode = S_IFREG | 0644,
	  .mtime = TIME,
	  .size = 3 },
	{ .path = (char *)"/" TREE "kernel/fs/there.ko",
	  .mode = S_IFREG | 0644,
	  .mtime = TIME,
	  .size = 3 },
	{ .path = (char *)"/usr/share/doc/x/README",
	  .mode = S_IFREG | 0644,
	  .mtime = TIME,
	  .size = 3 },
	{ .path = (char *)"/" TREE "updates", .mode = S_IFDIR | 0755 },
	{ .path = (char *)"/" TREE "updates/link.ko",
	  .mode = S_IFLNK | 0777,
	  .mtime = TIME,
	  .size = 3 },
};
static const struct mf_rpm_header header = { .name = (char *)"x-kmp",
					     .files = files,
					     .n_files = MF_ARRAY_SIZE(files) };

static void set_time(const struct root *r, const char *path, time_t time)
{
	const struct timespec times[2] = { { .tv_sec = time }, { .tv_sec = time } };

	assert_int_equal(utimensat(r->fd, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static bool has_fresh(const struct mf_undo *undo, const char *path)
{
	for (size_t i = 0; i < undo->n_created; i++)
		if (!strcmp(undo->created[i].path, path))
			return true;
	return false;
}

/* Creates files like rpm does, and those that a killed rpm leaves. */
static void install_files(struct root *r)
{
	root_write(r, TREE "kernel/net/a.ko", "new");
	root_write(r, TREE "kernel/net/deep/er/b.ko", "new");
	root_write(r, TREE "kernel/fs/there.ko;65a3f2c1", "half");
	root_write(r, TREE "kernel/fs/there.ko;notmine", "kept");
	root_write(r, "usr/share/doc/x/README", "new");
	root_mkdir(r, TREE "updates");
	root_link(r, "../kernel/net/a.ko", TREE "updates/link.ko");
	set_time(r, TREE "kernel/net/a.ko", TIME);
	set_time(r, TREE "kernel/net/deep/er/b.ko", TIME);
	set_time(r, "usr/share/doc/x/README", TIME);
	set_time(r, TREE "updates/link.ko", TIME);
}

static void note(struct root *r, struct mf_undo *undo, bool replaces)
{
	root_write(r, TREE "kernel/fs/there.ko", "old");
	assert_int_equal(mf_undo_note(&r->ctx, undo, "x-kmp-1-1.x86_64", &header, replaces), 0);
	assert_int_equal(mf_strings_add(&undo->kernels, KERNEL), 0);
}

static void created_files_are_removed_and_older_ones_stay(void **state)
{
	struct root *r = *state;
	struct mf_undo undo = { 0 };
	_cleanup_free_ char *text = NULL;

	note(r, &undo, false);
	assert_int_equal(undo.packages.n, 1);
	assert_false(has_fresh(&undo, "/" TREE "kernel/fs/there.ko"));
	assert_true(has_fresh(&undo, "/" TREE "kernel/net"));
	install_files(r);
	assert_int_equal(mf_undo(&r->ctx, &undo), 0);
	assert_false(root_has(r, TREE "kernel/net"));
	assert_false(root_has(r, TREE "updates"));
	assert_false(root_has(r, "usr"));
	assert_false(root_has(r, TREE "kernel/fs/there.ko;65a3f2c1"));
	assert_true(root_has(r, TREE "kernel/fs/there.ko;notmine"));
	text = root_read(r, TREE "kernel/fs/there.ko");
	assert_string_equal(text, "old");
	mf_undo_done(&undo);
}

static void a_directory_that_another_package_uses_now_stays(void **state)
{
	struct root *r = *state;
	struct mf_undo undo = { 0 };

	note(r, &undo, false);
	install_files(r);
	root_write(r, TREE "kernel/net/foreign.ko", "of another");
	assert_int_equal(mf_undo(&r->ctx, &undo), 0);
	assert_true(root_has(r, TREE "kernel/net/foreign.ko"));
	assert_false(root_has(r, TREE "kernel/net/a.ko"));
	assert_false(root_has(r, TREE "kernel/net/deep"));
	mf_undo_done(&undo);
}

static void a_package_that_replaces_another_stays(void **state)
{
	struct root *r = *state;
	struct mf_undo undo = { 0 };

	note(r, &undo, true);
	assert_int_equal(undo.packages.n, 0);
	assert_int_equal(undo.updates.n, 1);
	install_files(r);
	assert_int_equal(mf_undo(&r->ctx, &undo), 0);
	assert_true(root_has(r, TREE "kernel/fs/there.ko"));
	/* it is not in the database: its files that the old version does not have are removed */
	assert_false(root_has(r, TREE "kernel/net/a.ko"));
	assert_false(root_has(r, TREE "kernel/fs/there.ko;65a3f2c1"));
	mf_undo_done(&undo);
}

static void partial_indexes_are_removed_too(void **state)
{
	struct root *r = *state;
	struct mf_undo undo = { 0 };

	note(r, &undo, false);
	root_write(r, TREE ".modules.dep.bin.partial", "half");
	root_write(r, TREE ".modules.alias.old", "old");
	root_write(r, TREE "modules.dep", "kept");
	root_write(r, TREE ".modules.mine", "kept");
	assert_int_equal(mf_undo(&r->ctx, &undo), 0);
	assert_false(root_has(r, TREE ".modules.dep.bin.partial"));
	assert_false(root_has(r, TREE ".modules.alias.old"));
	assert_true(root_has(r, TREE "modules.dep") && root_has(r, TREE ".modules.mine"));
	mf_undo_done(&undo);
}

static void it_is_written_and_read_again(void **state)
{
	struct root *r = *state;
	struct mf_undo undo = { 0 }, again = { 0 };
	struct stat st;

	assert_int_equal(mf_undo_read(&r->ctx, &again), 1);
	note(r, &undo, false);
	/* a name with a line break must not become another record */
	free(undo.created[undo.n_created - 1].path);
	undo.created[undo.n_created - 1].path = strdup("/odd\nebash\nppasswd");
	assert_int_equal(mf_strings_add(&undo.erase, "gone-kmp"), 0);
	assert_int_equal(mf_undo_write(&r->ctx, &undo), 0);
	assert_int_equal(fstatat(r->fd, RECORD, &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(mf_undo_read(&r->ctx, &again), 0);
	assert_int_equal(again.packages.n, undo.packages.n);
	assert_int_equal(again.n_created, undo.n_created);
	for (size_t i = 0; i < undo.n_created; i++) {
		assert_string_equal(again.created[i].path, undo.created[i].path);
		assert_int_equal(again.created[i].mode, undo.created[i].mode);
		assert_int_equal(again.created[i].mtime, undo.created[i].mtime);
		assert_int_equal(again.created[i].size, undo.created[i].size);
		assert_int_equal(again.created[i].update, -1);
	}
	assert_string_equal(again.created[again.n_created - 1].path, "/odd\nebash\nppasswd");
	assert_int_equal(again.files.n, undo.files.n);
	assert_string_equal(again.kernels.v[0], KERNEL);
	assert_int_equal(again.erase.n, 1);
	assert_int_equal(mf_undo_forget(&r->ctx), 0);
	assert_false(root_has(r, RECORD));
	assert_int_equal(mf_undo_forget(&r->ctx), 0);
	mf_undo_done(&undo);
	mf_undo_done(&again);
}

static void an_incomplete_record_is_ignored(void **state)
{
	struct root *r = *state;
	struct mf_undo undo = { 0 }, again = { 0 };
	_cleanup_free_ char *bytes = NULL;
	size_t len;

	note(r, &undo, false);
	assert_int_equal(mf_undo_write(&r->ctx, &undo), 0);
	assert_int_equal(mf_file_read_at(r->fd, RECORD, 1 << 20, &bytes, &len), 0);
	for (size_t cut = 0; cut < len; cut++) {
		root_write_bytes(r, RECORD, bytes, cut);
		assert_int_equal(mf_undo_read(&r->ctx, &again), 1);
	}
	root_write(r, RECORD, "something else entirely");
	assert_int_equal(mf_undo_read(&r->ctx, &again), 1);
	mf_undo_done(&undo);
}

static void what_somebody_else_has_put_there_since_stays(void **state)
{
	struct root *r = *state;
	struct mf_undo undo = { 0 };
	_cleanup_free_ char *text = NULL;

	note(r, &undo, false);
	install_files(r);
	/* other bytes, another time, a link or a directory in its place */
	root_write(r, TREE "kernel/net/a.ko", "dkms");
	assert_int_equal(unlinkat(r->fd, TREE "kernel/net/deep/er/b.ko", 0), 0);
	root_link(r, "a.ko", TREE "kernel/net/deep/er/b.ko");
	set_time(r, TREE "kernel/net/deep/er/b.ko", TIME);
	assert_int_equal(unlinkat(r->fd, "usr/share/doc/x/README", 0), 0);
	root_mkdir(r, "usr/share/doc/x/README");
	assert_int_equal(unlinkat(r->fd, TREE "updates/link.ko", 0), 0);
	root_write(r, TREE "updates/link.ko", "new");
	assert_int_equal(mf_undo(&r->ctx, &undo), 0);
	text = root_read(r, TREE "kernel/net/a.ko");
	assert_string_equal(text, "dkms");
	assert_true(root_has(r, TREE "kernel/net/deep/er/b.ko"));
	assert_true(root_has(r, "usr/share/doc/x/README"));
	assert_true(root_has(r, TREE "updates/link.ko"));
	mf_undo_done(&undo);
}

static void a_file_shortened_by_a_power_cut_is_removed(void **state)
{
	struct root *r = *state;
	struct mf_undo undo = { 0 };

	note(r, &undo, false);
	install_files(r);
	root_write(r, TREE "kernel/net/a.ko", "");
	set_time(r, TREE "kernel/net/a.ko", TIME);
	/* longer than rpm would write it: not rpm's */
	root_write(r, "usr/share/doc/x/README", "longer");
	set_time(r, "usr/share/doc/x/README", TIME);
	assert_int_equal(mf_undo(&r->ctx, &undo), 0);
	assert_false(root_has(r, TREE "kernel/net"));
	assert_true(root_has(r, "usr/share/doc/x/README"));
	mf_undo_done(&undo);
}

static void a_common_prefix_is_not_the_same_directory(void **state)
{
	static struct mf_rpm_file alike[] = {
		{ .path = (char *)"/" TREE "extra-foo/x.ko", .mode = S_IFREG | 0644 },
		{ .path = (char *)"/" TREE "extra/y.ko", .mode = S_IFREG | 0644 },
	};
	const struct mf_rpm_header two = { .files = alike, .n_files = 2 };
	struct root *r = *state;
	struct mf_undo undo = { 0 };
	struct mf_strings directories = { 0 };

	assert_int_equal(mf_undo_note(&r->ctx, &undo, "x-kmp-1-1.x86_64", &two, false), 0);
	assert_int_equal(mf_undo_directories(&undo, &directories), 0);
	assert_int_equal(directories.n, 2);
	assert_true(mf_strings_has(&directories, "/" TREE "extra"));
	root_mkdir(r, TREE "extra");
	root_mkdir(r, TREE "extra-foo");
	assert_int_equal(mf_undo(&r->ctx, &undo), 0);
	assert_false(root_has(r, TREE "extra") || root_has(r, TREE "extra-foo"));
	mf_strings_done(&directories);
	mf_undo_done(&undo);
}

static void a_dangling_link_is_not_ours(void **state)
{
	static struct mf_rpm_file file = { .path = (char *)"/lib/firmware/x.bin",
					   .mode = S_IFREG | 0644 };
	const struct mf_rpm_header one = { .files = &file, .n_files = 1 };
	struct root *r = *state;
	struct mf_undo undo = { 0 };

	root_link(r, "/nowhere", "lib/firmware");
	assert_int_equal(mf_undo_note(&r->ctx, &undo, "x-kmp-1-1.x86_64", &one, false), 0);
	assert_false(has_fresh(&undo, "/lib/firmware"));
	assert_int_equal(mf_undo(&r->ctx, &undo), 0);
	assert_true(root_has(r, "lib/firmware"));
	mf_undo_done(&undo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(created_files_are_removed_and_older_ones_stay),
		ROOTED(a_directory_that_another_package_uses_now_stays),
		ROOTED(a_package_that_replaces_another_stays),
		ROOTED(partial_indexes_are_removed_too),
		ROOTED(it_is_written_and_read_again),
		ROOTED(an_incomplete_record_is_ignored),
		ROOTED(what_somebody_else_has_put_there_since_stays),
		ROOTED(a_file_shortened_by_a_power_cut_is_removed),
		ROOTED(a_common_prefix_is_not_the_same_directory),
		ROOTED(a_dangling_link_is_not_ours),
	};

	return UNIT_RUN(tests);
}

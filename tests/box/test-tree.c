/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a hostile build does to its results is in tests/road/box.py. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/error.h"
#include "src/box/tree.h"

#define ID  4711
#define MIB (1ULL << 20)

static int new_tree(uint64_t space)
{
	int tree = geteuid() ? -1 : box_tree_new(space, ID, ID);

	if (tree < 0)
		skip();
	return tree;
}

static struct stat stat_of(int tree, const char *path)
{
	struct stat st = { 0 };

	assert_int_equal(fstatat(tree, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st;
}

static void a_copy_has_modes_times_and_links(void **state)
{
	struct root *root = *state;
	_cleanup_close_ int tree = new_tree(MIB);
	const struct timespec times[] = { { 1000, 0 }, { 2000, 5 } };
	struct stat st;
	char target[64] = "";

	root_write(root, "src/x/a.c", "text");
	root_write(root, "src/x/deep/er/tool", "#!");
	root_link(root, "../a.c", "src/x/deep/link");
	assert_int_equal(fchmodat(root->fd, "src/x/deep/er/tool", 04755, 0), 0);
	assert_int_equal(fchmodat(root->fd, "src/x/deep", 0500, 0), 0);
	assert_int_equal(utimensat(root->fd, "src/x/a.c", times, 0), 0);
	assert_int_equal(mkfifoat(root->fd, "src/x/fifo", 0600), 0);
	assert_int_equal(box_tree_fill(&root->ctx, tree, "src/x", ID, ID), 0);
	st = stat_of(tree, "copy/a.c");
	assert_int_equal(st.st_uid, ID);
	assert_int_equal(st.st_mtim.tv_sec, 2000);
	assert_int_equal(st.st_mtim.tv_nsec, 5);
	assert_int_equal(stat_of(tree, "copy/deep/er/tool").st_mode, S_IFREG | 0755);
	/* a build may add files to each directory */
	assert_int_equal(stat_of(tree, "copy/deep").st_mode, S_IFDIR | 0700);
	assert_int_equal(stat_of(tree, "copy/deep/link").st_uid, ID);
	assert_int_equal(readlinkat(tree, "copy/deep/link", target, sizeof(target)), 6);
	assert_string_equal(target, "../a.c");
	assert_int_equal(faccessat(tree, "copy/fifo", F_OK, AT_SYMLINK_NOFOLLOW), -1);
	/* the tree of a box is root's, but for its two directories */
	assert_int_equal(stat_of(tree, ".").st_uid, 0);
	assert_int_equal(stat_of(tree, BOX_TMP).st_uid, ID);
}

static void a_source_has_a_limit(void **state)
{
	struct root *root = *state;
	_cleanup_close_ int tree = new_tree(MIB);
	_cleanup_free_ char *bytes = calloc(1, 2 * MIB);
	char path[256] = "src/deep";

	root_write_bytes(root, "src/x/large", bytes, 2 * MIB);
	assert_int_equal(box_tree_fill(&root->ctx, tree, "src/x", ID, ID), -ENOSPC);
	assert_non_null(strstr(root->ctx.failure.what, "large"));
	for (int i = 0; i < 45; i++)
		strcat(path, "/d");
	root_mkdir(root, path);
	assert_int_equal(box_tree_fill(&root->ctx, tree, "src/deep", ID, ID), -ELOOP);
	assert_int_equal(box_tree_fill(&root->ctx, tree, "src/none", ID, ID), -ENOENT);
}

static void make(int tree, const char *path, const char *text)
{
	_cleanup_close_ int fd = openat(tree, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(mf_file_write(fd, text, strlen(text)), 0);
}

static void a_result_is_a_sealed_copy(void **state)
{
	struct root *root = *state;
	_cleanup_close_ int tree = new_tree(MIB), fd = -1, empty = -1;

	make(tree, "copy/x.ko", "module");
	make(tree, "copy/empty", "");
	fd = box_tree_take(&root->ctx, tree, "x.ko", 6);
	assert_true(fd >= 0);
	assert_true(mf_memfile_is_sealed(fd));
	make(tree, "copy/x.ko", "others");
	assert_true(mf_file_equals(fd, "module", 6));
	empty = box_tree_take(&root->ctx, tree, "empty", 6);
	assert_true(empty >= 0);
	assert_int_equal(box_tree_take(&root->ctx, tree, "x.ko", 5), -MFE_TOO_LARGE);
	assert_int_equal(box_tree_take(&root->ctx, tree, "none", 5), -ENOENT);
	assert_int_equal(box_tree_take(&root->ctx, tree, "x.ko/none", 5), -ENOENT);
}

static void a_result_is_no_link_and_no_other_kind(void **state)
{
	struct root *root = *state;
	_cleanup_close_ int tree = new_tree(MIB);
	static const char *const names[] = {
		"link", "up/etc/passwd", "../tmp/x", "/etc/passwd", "../../etc", "fifo", "."
	};

	make(tree, "tmp/x", "outside of the copy");
	make(tree, "copy/x", "");
	assert_int_equal(symlinkat("x", tree, "copy/link"), 0);
	assert_int_equal(symlinkat("/", tree, "copy/up"), 0);
	assert_int_equal(mkfifoat(tree, "copy/fifo", 0600), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_int_equal(box_tree_take(&root->ctx, tree, names[i], MIB), -MFE_BAD_MODULE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_copy_has_modes_times_and_links),
		ROOTED(a_source_has_a_limit),
		ROOTED(a_result_is_a_sealed_copy),
		ROOTED(a_result_is_no_link_and_no_other_kind),
	};

	return UNIT_RUN(tests);
}

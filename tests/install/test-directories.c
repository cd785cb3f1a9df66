/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Empty directories are removed with their files, if we created them. */
#include "tests/unit.h"
#include "tests/root.h"
#include "src/install/directories.h"

#define TREE "lib/modules/" KERNEL "/"
#define LIST "var/lib/modfetch/directories"

/* Adds a directory as created by a transaction. */
static void make(struct root *r, const char *path)
{
	_cleanup_free_ char *absolute = NULL;
	struct mf_strings made = { 0 };

	assert_true(asprintf(&absolute, "/%s", path) > 0);
	assert_int_equal(mf_strings_add(&made, absolute), 0);
	assert_int_equal(mf_directories_update(&r->ctx, &made), 0);
	root_mkdir(r, path);
	mf_strings_done(&made);
}

static void prune(struct root *r, const char *path)
{
	struct mf_strings paths = { 0 };

	assert_int_equal(mf_strings_add(&paths, path), 0);
	mf_directories_prune(&r->ctx, &paths);
	mf_strings_done(&paths);
}

static void empty_directories_are_removed_up_to_a_top_one(void **state)
{
	struct root *r = *state;

	make(r, TREE "kernel");
	make(r, TREE "kernel/a");
	make(r, TREE "kernel/a/b");
	make(r, TREE "kernel/a/b/c");
	make(r, TREE "kernel/a/other");
	prune(r, "/" TREE "kernel/a/b/c/gone.ko");
	assert_false(root_has(r, TREE "kernel/a/b"));
	assert_true(root_has(r, TREE "kernel/a/other"));
	prune(r, "/" TREE "kernel/a/other/gone.ko");
	assert_false(root_has(r, TREE "kernel"));
	assert_true(root_has(r, TREE));
	/* a path with /usr means the same directory */
	make(r, "lib/firmware");
	make(r, "lib/firmware/vendor");
	prune(r, "/usr/lib/firmware/vendor/gone.bin");
	assert_false(root_has(r, "lib/firmware/vendor"));
	assert_true(root_has(r, "lib/firmware"));
	prune(r, "/lib/firmware/gone.bin");
	assert_true(root_has(r, "lib/firmware"));
	/* for a missing directory */
	prune(r, "/usr/share/doc/x/README");
}

static void directories_of_others_stay(void **state)
{
	struct root *r = *state;

	root_mkdir(r, TREE "updates/dkms");
	prune(r, "/" TREE "updates/dkms/gone.ko");
	assert_true(root_has(r, TREE "updates/dkms"));
	/* one of ours in one of others, and one with the same prefix */
	make(r, TREE "updates/dkms/ours");
	prune(r, "/" TREE "updates/dkms/ours/gone.ko");
	assert_false(root_has(r, TREE "updates/dkms/ours"));
	assert_true(root_has(r, TREE "updates/dkms"));
	make(r, TREE "updates/dk");
	prune(r, "/" TREE "updates/dkms/gone.ko");
	assert_true(root_has(r, TREE "updates/dkms"));
	/* others created it now: ours was removed, and dropped from the list */
	assert_int_equal(unlinkat(r->fd, TREE "updates/dk", AT_REMOVEDIR), 0);
	assert_int_equal(mf_directories_update(&r->ctx, NULL), 0);
	root_mkdir(r, TREE "updates/dk");
	prune(r, "/" TREE "updates/dk/gone.ko");
	assert_true(root_has(r, TREE "updates/dk"));
}

static void a_damaged_list_removes_nothing(void **state)
{
	struct root *r = *state;

	make(r, TREE "updates");
	root_write(r, LIST, "garbage\n/" TREE "updates");
	prune(r, "/" TREE "updates/gone.ko");
	assert_true(root_has(r, TREE "updates"));
	root_write(r, LIST, "");
	prune(r, "/" TREE "updates/gone.ko");
	assert_true(root_has(r, TREE "updates"));
	assert_int_equal(unlinkat(r->fd, LIST, 0), 0);
	prune(r, "/" TREE "updates/gone.ko");
	assert_true(root_has(r, TREE "updates"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(empty_directories_are_removed_up_to_a_top_one),
		ROOTED(directories_of_others_stay),
		ROOTED(a_damaged_list_removes_nothing),
	};

	return UNIT_RUN(tests);
}

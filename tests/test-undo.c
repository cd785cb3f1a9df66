/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is written down before a transaction takes the tree back to where it was. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/undo.h"

#define TREE   "lib/modules/" KERNEL "/"
#define RECORD "var/lib/modfetch/undo"

static struct mf_rpm_file files[] = {
	{ .path = (char *)"/" TREE "kernel/net/a.ko", .mode = S_IFREG | 0644 },
	{ .path = (char *)"/" TREE "kernel/net/deep/er/b.ko", .mode = S_IFREG | 0644 },
	{ .path = (char *)"/" TREE "kernel/fs/there.ko", .mode = S_IFREG | 0644 },
	{ .path = (char *)"/usr/share/doc/x/README", .mode = S_IFREG | 0644 },
	{ .path = (char *)"/" TREE "updates", .mode = S_IFDIR | 0755 },
	{ .path = (char *)"/" TREE "updates/link.ko", .mode = S_IFLNK | 0777 },
};
static const struct mf_rpm_header header = { .name = (char *)"x-kmp",
					     .files = files,
					     .n_files = sizeof(files) / sizeof(*files) };

/* As rpm would have put them there, and what a killed one leaves. */
static void install_files(struct root *r)
{
	root_write(r, TREE "kernel/net/a.ko", "new");
	root_write(r, TREE "kernel/net/deep/er/b.ko", "new");
	root_write(r, TREE "kernel/fs/there.ko;65a3f2c1", "half");
	root_write(r, TREE "kernel/fs/there.ko;notmine", "kept");
	root_write(r, "usr/share/doc/x/README", "new");
	root_mkdir(r, TREE "updates");
	root_link(r, "../kernel/net/a.ko", TREE "updates/link.ko");
}

static void note(struct root *r, struct mf_undo *undo, bool replaces)
{
	root_write(r, TREE "kernel/fs/there.ko", "old");
	assert_int_equal(mf_undo_note(&r->ctx, undo, "x-kmp-1-1.x86_64", &header, replaces), 0);
	assert_int_equal(mf_strings_add(&undo->kernels, KERNEL), 0);
}

static void what_is_fresh_goes_and_what_was_there_stays(void **state)
{
	struct root *r = *state;
	struct mf_undo undo = { 0 };
	_cleanup_free_ char *text = NULL;

	note(r, &undo, false);
	assert_int_equal(undo.packages.n, 1);
	assert_false(mf_strings_has(&undo.fresh, "/" TREE "kernel/fs/there.ko"));
	assert_true(mf_strings_has(&undo.fresh, "/" TREE "kernel/net"));
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

static void a_folder_somebody_else_uses_meanwhile_stays(void **state)
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

static void a_package_that_replaces_another_is_left_alone(void **state)
{
	struct root *r = *state;
	struct mf_undo undo = { 0 };

	note(r, &undo, true);
	assert_int_equal(undo.packages.n, 0);
	assert_int_equal(undo.fresh.n, 0);
	install_files(r);
	assert_int_equal(mf_undo(&r->ctx, &undo), 0);
	assert_true(root_has(r, TREE "kernel/net/a.ko"));
	/* but for rpm's own leftovers */
	assert_false(root_has(r, TREE "kernel/fs/there.ko;65a3f2c1"));
	mf_undo_done(&undo);
}

static void depmods_leftovers_go_too(void **state)
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

static void it_is_kept_and_read_again(void **state)
{
	struct root *r = *state;
	struct mf_undo undo = { 0 }, again = { 0 };
	struct stat st;

	assert_int_equal(mf_undo_read(&r->ctx, &again), 1);
	note(r, &undo, false);
	/* a name with a line break must not become another record */
	assert_int_equal(mf_strings_add(&undo.fresh, "/odd\nebash\nppasswd"), 0);
	assert_int_equal(mf_strings_add(&undo.erase, "gone-kmp"), 0);
	assert_int_equal(mf_undo_keep(&r->ctx, &undo), 0);
	assert_int_equal(fstatat(r->fd, RECORD, &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(mf_undo_read(&r->ctx, &again), 0);
	assert_int_equal(again.packages.n, undo.packages.n);
	assert_int_equal(again.fresh.n, undo.fresh.n);
	assert_string_equal(again.fresh.v[again.fresh.n - 1], "/odd\nebash\nppasswd");
	assert_int_equal(again.files.n, undo.files.n);
	assert_string_equal(again.kernels.v[0], KERNEL);
	assert_int_equal(again.erase.n, 1);
	assert_int_equal(mf_undo_forget(&r->ctx), 0);
	assert_false(root_has(r, RECORD));
	assert_int_equal(mf_undo_forget(&r->ctx), 0);
	mf_undo_done(&undo);
	mf_undo_done(&again);
}

static void half_a_record_is_none(void **state)
{
	struct root *r = *state;
	struct mf_undo undo = { 0 }, again = { 0 };
	_cleanup_free_ char *bytes = NULL;
	size_t len;

	note(r, &undo, false);
	assert_int_equal(mf_undo_keep(&r->ctx, &undo), 0);
	assert_int_equal(mf_file_read_at(r->fd, RECORD, 1 << 20, &bytes, &len), 0);
	for (size_t cut = 0; cut < len; cut++) {
		root_write_bytes(r, RECORD, bytes, cut);
		assert_int_equal(mf_undo_read(&r->ctx, &again), 1);
	}
	root_write(r, RECORD, "something else entirely");
	assert_int_equal(mf_undo_read(&r->ctx, &again), 1);
	mf_undo_done(&undo);
}

static void empty_folders_are_pruned_up_to_their_kinds_own(void **state)
{
	struct root *r = *state;

	root_mkdir(r, TREE "kernel/a/b/c");
	root_mkdir(r, TREE "kernel/a/other");
	mf_undo_prune(&r->ctx, "/" TREE "kernel/a/b/c/gone.ko");
	assert_false(root_has(r, TREE "kernel/a/b"));
	assert_true(root_has(r, TREE "kernel/a/other"));
	mf_undo_prune(&r->ctx, "/" TREE "kernel/a/other/gone.ko");
	assert_false(root_has(r, TREE "kernel"));
	assert_true(root_has(r, TREE));
	root_mkdir(r, "usr/lib/firmware/vendor");
	mf_undo_prune(&r->ctx, "/usr/lib/firmware/vendor/gone.bin");
	assert_false(root_has(r, "usr/lib/firmware/vendor"));
	assert_true(root_has(r, "usr/lib/firmware"));
	mf_undo_prune(&r->ctx, "/usr/lib/firmware/gone.bin");
	assert_true(root_has(r, "usr/lib/firmware"));
	/* of a folder that is not there */
	mf_undo_prune(&r->ctx, "/usr/share/doc/x/README");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(what_is_fresh_goes_and_what_was_there_stays),
		ROOTED(a_folder_somebody_else_uses_meanwhile_stays),
		ROOTED(a_package_that_replaces_another_is_left_alone),
		ROOTED(depmods_leftovers_go_too),
		ROOTED(it_is_kept_and_read_again),
		ROOTED(half_a_record_is_none),
		ROOTED(empty_folders_are_pruned_up_to_their_kinds_own),
	};

	return UNIT_RUN(tests);
}

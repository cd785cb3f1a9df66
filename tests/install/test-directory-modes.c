/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Directories that existed before a package that lists them. With real rpm: road/contents.py. */
#include "tests/unit.h"
#include "tests/root.h"
#include "src/install/directories.h"
#include "src/install/directory-modes.h"

#define OUTER "lib/firmware/vendor"
#define INNER OUTER "/inner"
#define TIME  1500000000

static struct mf_rpm_file files[] = {
	{ .path = (char *)"/" OUTER, .mode = S_IFDIR | 0755 },
	{ .path = (char *)"/" INNER, .mode = S_IFDIR | 0755 },
	{ .path = (char *)"/lib/firmware/other/x", .mode = S_IFREG | 0644 },
	{ .path = (char *)"/lib/firmware/other", .mode = S_IFDIR | 0755 },
};
static const struct mf_rpm_header header = { .name = (char *)"x-kmp",
					     .files = files,
					     .n_files = 4 };

static void set_time(struct root *r, const char *path, time_t time)
{
	const struct timespec times[2] = { { .tv_sec = time }, { .tv_sec = time, .tv_nsec = 7 } };

	assert_int_equal(utimensat(r->fd, path, times, 0), 0);
}

static struct stat stat_of(struct root *r, const char *path)
{
	struct stat st;

	assert_int_equal(fstatat(r->fd, path, &st, 0), 0);
	return st;
}

static struct mf_directory_modes *note(struct root *r, bool leaves)
{
	struct mf_directory_modes *modes;

	assert_int_equal(mf_directory_modes_new(&r->ctx, &modes), 0);
	assert_int_equal(leaves ? mf_directory_modes_note_removal(modes, &header)
				: mf_directory_modes_note_install(modes, &header),
			 0);
	return modes;
}

static void make(struct root *r)
{
	root_mkdir(r, INNER);
	root_mkdir(r, "lib/firmware/other");
	set_time(r, INNER, TIME);
	set_time(r, OUTER, TIME);
	set_time(r, "lib/firmware/other", TIME);
}

static void times_of_unchanged_directories_are_restored(void **state)
{
	struct root *r = *state;
	struct mf_directory_modes *modes;
	struct stat st;

	make(r);
	modes = note(r, false);
	set_time(r, OUTER, 1);
	set_time(r, INNER, 1);
	set_time(r, "lib/firmware/other", 1);
	mf_directory_modes_restore(modes);
	mf_directory_modes_free(modes);
	st = stat_of(r, OUTER);
	assert_true(st.st_mtim.tv_sec == TIME && st.st_mtim.tv_nsec == 7);
	assert_int_equal(stat_of(r, INNER).st_mtim.tv_sec, TIME);
	/* this one has an added or replaced file: its time must show that */
	assert_true(stat_of(r, "lib/firmware/other").st_mtim.tv_sec > TIME);
}

static void a_directory_rpm_removed_is_created_again(void **state)
{
	struct root *r = *state;
	struct mf_directory_modes *modes;

	make(r);
	assert_int_equal(fchmodat(r->fd, OUTER, 0710, 0), 0);
	assert_int_equal(fchmodat(r->fd, INNER, 0751, 0), 0);
	if (!geteuid())
		assert_int_equal(fchownat(r->fd, OUTER, 3, 4, 0), 0);
	set_time(r, OUTER, TIME);
	modes = note(r, true);
	assert_int_equal(mf_tree_remove(r->fd, OUTER), 0);
	mf_directory_modes_restore(modes);
	mf_directory_modes_free(modes);
	assert_int_equal(stat_of(r, OUTER).st_mode & 07777, 0710);
	assert_int_equal(stat_of(r, INNER).st_mode & 07777, 0751);
	assert_int_equal(stat_of(r, OUTER).st_mtim.tv_sec, TIME);
	assert_int_equal(stat_of(r, INNER).st_mtim.tv_sec, TIME);
	if (!geteuid())
		assert_true(stat_of(r, OUTER).st_uid == 3 && stat_of(r, OUTER).st_gid == 4);
}

static void our_own_directories_may_be_removed(void **state)
{
	struct root *r = *state;
	struct mf_strings made = { 0 };
	struct mf_directory_modes *modes;

	make(r);
	assert_int_equal(mf_strings_add(&made, "/usr/" INNER), 0);
	assert_int_equal(mf_directories_update(&r->ctx, &made), 0);
	modes = note(r, true);
	assert_int_equal(mf_tree_remove(r->fd, INNER), 0);
	mf_directory_modes_restore(modes);
	mf_directory_modes_free(modes);
	assert_false(root_has(r, INNER));
	assert_true(root_has(r, OUTER));
	mf_strings_done(&made);
}

static void a_missing_directory_is_not_created(void **state)
{
	struct root *r = *state;
	struct mf_directory_modes *modes = note(r, false);

	mf_directory_modes_restore(modes);
	mf_directory_modes_free(modes);
	assert_false(root_has(r, "lib/firmware"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(times_of_unchanged_directories_are_restored),
		ROOTED(a_directory_rpm_removed_is_created_again),
		ROOTED(our_own_directories_may_be_removed),
		ROOTED(a_missing_directory_is_not_created),
	};

	return UNIT_RUN(tests);
}

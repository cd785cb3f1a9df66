/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All files are the new ones, or all are the old ones; nothing stays beside them. */
#include "tests/unit.h"
#include "tests/root.h"
#include <dirent.h>
#include "src/depmod/publish.h"

static struct dm_publish stage(struct root *root, const char *text, bool sync)
{
	struct dm_buf buf = { 0 };
	struct dm_publish publish;

	dm_buf_adds(&buf, text);
	dm_publish_init(&publish, &root->ctx, root->fd, sync);
	for (enum dm_index i = 0; i < DM_N_OUTPUTS; i++)
		assert_int_equal(dm_publish_stage(&publish, i, &buf), 0);
	dm_buf_done(&buf);
	return publish;
}

static void assert_all(const struct root *root, const char *text)
{
	for (enum dm_index i = 0; i < DM_N_OUTPUTS; i++) {
		_cleanup_free_ char *is = root_read(root, dm_index_name(i));

		assert_string_equal(is, text);
	}
}

/* Entries of the root that are no indexes and begin with a dot. */
static size_t left_over(const struct root *root)
{
	DIR *dir = opendir(root->path);
	size_t n = 0;

	for (struct dirent *e; (e = readdir(dir));)
		n += e->d_name[0] == '.' && strlen(e->d_name) > 2;
	closedir(dir);
	return n;
}

static void names_change_when_all_is_written(void **state)
{
	struct root *root = *state;

	for (int i = 0; i < 3; i++) {
		struct dm_publish publish = stage(root, i ? "new" : "old", i != 1);

		if (!i)
			assert_false(root_has(root, "modules.dep"));
		else
			assert_all(root, i == 1 ? "old" : "new");
		assert_int_equal(dm_publish_commit(&publish), 0);
		dm_publish_done(&publish);
		assert_all(root, i ? "new" : "old");
		assert_int_equal(left_over(root), 0);
	}
}

static void a_name_that_cannot_change_takes_all_back(void **state)
{
	struct root *root = *state;
	struct dm_publish publish = stage(root, "old", false);

	assert_int_equal(dm_publish_commit(&publish), 0);
	dm_publish_done(&publish);
	for (enum dm_index i = 0; i < DM_N_OUTPUTS; i++) {
		_cleanup_free_ char *partial = NULL;

		publish = stage(root, "new", false);
		/* as if another process had removed the new file */
		assert_true(asprintf(&partial, ".%s.partial", dm_index_name(i)) > 0);
		assert_int_equal(unlinkat(root->fd, partial, 0), 0);
		assert_int_equal(dm_publish_commit(&publish), -ENOENT);
		assert_string_equal(root->ctx.failure.what, dm_index_name(i));
		dm_publish_done(&publish);
		assert_all(root, "old");
		assert_int_equal(left_over(root), 0);
	}
}

static void where_there_was_nothing_there_is_nothing_again(void **state)
{
	struct root *root = *state;
	struct dm_publish publish = stage(root, "new", false);

	assert_int_equal(unlinkat(root->fd, ".modules.dep.bin.partial", 0), 0);
	assert_int_equal(dm_publish_commit(&publish), -ENOENT);
	dm_publish_done(&publish);
	for (enum dm_index i = 0; i < DM_N_OUTPUTS; i++)
		assert_false(root_has(root, dm_index_name(i)));
	assert_int_equal(left_over(root), 0);
}

static void what_a_killed_run_left_goes_first(void **state)
{
	struct root *root = *state;
	struct dm_publish publish;

	root_write(root, ".modules.dep.partial", "half a");
	root_link(root, "/etc/passwd", ".modules.alias.partial");
	root_write(root, ".modules.symbols.old", "old");
	dm_publish_sweep(root->fd);
	assert_int_equal(left_over(root), 0);
	publish = stage(root, "new", false);
	assert_int_equal(dm_publish_commit(&publish), 0);
	dm_publish_done(&publish);
	assert_all(root, "new");
	assert_int_equal(left_over(root), 0);
}

static void giving_up_leaves_what_was_there(void **state)
{
	struct root *root = *state;
	struct dm_publish publish = stage(root, "old", false);

	assert_int_equal(dm_publish_commit(&publish), 0);
	dm_publish_done(&publish);
	publish = stage(root, "new", false);
	dm_publish_done(&publish);
	assert_all(root, "old");
	assert_int_equal(left_over(root), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(names_change_when_all_is_written),
		ROOTED(a_name_that_cannot_change_takes_all_back),
		ROOTED(where_there_was_nothing_there_is_nothing_again),
		ROOTED(what_a_killed_run_left_goes_first),
		ROOTED(giving_up_leaves_what_was_there),
	};

	return UNIT_RUN(tests);
}

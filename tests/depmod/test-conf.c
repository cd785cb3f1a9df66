/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What depmod.d says, with depmod's order of looking at it: what is read last is looked at first.
 */
#include "tests/unit.h"
#include "tests/root.h"
#include "src/depmod/conf.h"
#include "src/depmod/scan.h"

static struct dm_config read_directory(struct root *root)
{
	_cleanup_(mf_strings_done) struct mf_strings paths = { 0 };
	struct dm_config config;
	char directory[128];

	snprintf(directory, sizeof(directory), "%s/depmod.d", root->path);
	assert_int_equal(mf_strings_add(&paths, directory), 0);
	assert_int_equal(dm_config_read(&root->ctx, &paths, KERNEL, &config), 0);
	return config;
}

static struct dm_config read_text(struct root *root, const char *text)
{
	root_write(root, "depmod.d/a.conf", text);
	return read_directory(root);
}

static void without_a_search_updates_comes_first(void **state)
{
	struct dm_config c = read_text(*state, "# nothing\n\n");

	assert_int_equal(c.n_searches, 1);
	assert_string_equal(c.searches[0].directory, "updates");
	assert_int_equal(c.overrides.n + c.externals.n + c.excludes.n, 0);
	dm_config_done(&c);
}

static void searches_are_looked_at_from_the_last_on(void **state)
{
	struct dm_config c =
		read_text(*state, "search updates extra\tbuilt-in\nsearch external weak-updates");
	static const enum dm_search_kind kinds[] = { DM_SEARCH_DIRECTORY, DM_SEARCH_EXTERNAL,
						     DM_SEARCH_BUILTIN, DM_SEARCH_DIRECTORY,
						     DM_SEARCH_DIRECTORY };
	static const char *const directories[] = { "weak-updates", "external", "built-in", "extra",
						   "updates" };

	assert_int_equal(c.n_searches, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(c.searches[i].kind, kinds[i]);
		assert_string_equal(c.searches[i].directory, directories[i]);
		assert_int_equal(c.searches[i].len, strlen(directories[i]));
	}
	dm_config_done(&c);
}

static void rules_for_other_kernels_do_not_count(void **state)
{
	struct dm_config c = read_text(*state, "override e1000e * updates\n"
					       "override igb ^6\\\\.1\\\\. extra\n"
					       "override ixgbe 5.10 extra\n"
					       "override bad [ extra\n"
					       "external " KERNEL " /srv/a\n"
					       "external 7 /srv/b\n");

	assert_int_equal(c.overrides.n, 2);
	assert_string_equal(c.overrides.v[0], "extra/igb");
	assert_string_equal(c.overrides.v[1], "updates/e1000e");
	assert_int_equal(c.externals.n, 1);
	assert_string_equal(c.externals.v[0], "/srv/a");
	dm_config_done(&c);
}

static void bad_lines_are_left_out_and_the_rest_counts(void **state)
{
	struct dm_config c = read_text(*state, "override too few\nexternal *\nnonsense\n"
					       "make_map_files no\nexclude a b\n #no comment\n"
					       "search \\\n  extra\\\n -more");

	assert_int_equal(c.overrides.n + c.externals.n, 0);
	assert_int_equal(c.excludes.n, 2);
	assert_int_equal(c.n_searches, 2);
	assert_string_equal(c.searches[0].directory, "-more");
	assert_string_equal(c.searches[1].directory, "extra");
	assert_true(dm_is_excluded(&c, "a") && dm_is_excluded(&c, "build"));
	assert_false(dm_is_excluded(&c, "c"));
	dm_config_done(&c);
}

static void files_are_read_in_the_order_of_their_names(void **state)
{
	struct root *root = *state;
	struct dm_config c;

	root_write(root, "depmod.d/20-b.conf", "search second");
	root_write(root, "depmod.d/10-a.conf", "search first");
	root_write(root, "depmod.d/30-c.txt", "search ignored");
	root_write(root, "depmod.d/.40-d.conf", "search hidden");
	root_mkdir(root, "depmod.d/50-directory.conf");
	root_link(root, "nowhere", "depmod.d/60-gone.conf");
	c = read_directory(root);
	assert_int_equal(c.n_searches, 2);
	assert_string_equal(c.searches[0].directory, "second");
	assert_string_equal(c.searches[1].directory, "first");
	dm_config_done(&c);
}

static void a_name_in_an_earlier_folder_hides_later_ones(void **state)
{
	_cleanup_(mf_strings_done) struct mf_strings paths = { 0 };
	struct root *root = *state;
	struct dm_config c;

	root_write(root, "etc/x.conf", "search mine");
	root_write(root, "lib/x.conf", "search theirs");
	for (size_t i = 0; i < 3; i++) {
		static const char *const names[] = { "none", "etc", "lib/x.conf" };
		_cleanup_free_ char *path = NULL;

		assert_true(asprintf(&path, "%s/%s", root->path, names[i]) > 0);
		assert_int_equal(mf_strings_add(&paths, path), 0);
	}
	assert_int_equal(dm_config_read(&root->ctx, &paths, KERNEL, &c), 0);
	assert_int_equal(c.n_searches, 1);
	assert_string_equal(c.searches[0].directory, "mine");
	dm_config_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(without_a_search_updates_comes_first),
		ROOTED(searches_are_looked_at_from_the_last_on),
		ROOTED(rules_for_other_kernels_do_not_count),
		ROOTED(bad_lines_are_left_out_and_the_rest_counts),
		ROOTED(files_are_read_in_the_order_of_their_names),
		ROOTED(a_name_in_an_earlier_folder_hides_later_ones),
	};

	return UNIT_RUN(tests);
}

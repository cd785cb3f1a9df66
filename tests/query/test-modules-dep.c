/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of a modules.dep, by path and by name, and those that were not marked. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include "tests/root.h"
#include "src/query/modules-dep.h"
#include "modfetch/strings.h"

static struct mf_modules_dep dep_of(struct root *r, const char *text)
{
	struct mf_modules_dep dep;
	int dirfd = openat(r->fd, "lib/modules/" KERNEL, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(dirfd >= 0);
	if (text)
		root_write(r, "lib/modules/" KERNEL "/modules.dep", text);
	assert_int_equal(mf_modules_dep_read(dirfd, &dep), 0);
	close(dirfd);
	return dep;
}

static int collect(void *arg, const char *path, size_t len)
{
	return mf_strings_addn(arg, path, len);
}

static void assert_unmarked(const struct mf_modules_dep *dep, const char *all)
{
	struct mf_strings unmarked = { 0 }, expected = { 0 };

	assert_int_equal(mf_modules_dep_each_unmarked(dep, collect, &unmarked), 0);
	assert_int_equal(mf_strings_split(&expected, all), 0);
	mf_strings_sort(&unmarked);
	assert_int_equal(unmarked.n, expected.n);
	for (size_t i = 0; i < unmarked.n; i++)
		assert_string_equal(unmarked.v[i], expected.v[i]);
	mf_strings_done(&unmarked);
	mf_strings_done(&expected);
}

static void a_path_is_met_once_and_a_name_stands_for_its_other_files(void **state)
{
	struct mf_modules_dep dep = dep_of(*state, "updates/a-b.ko: kernel/c.ko\nkernel/c.ko:\n"
						   "/opt/d.ko.xz:\nlast.ko:");

	assert_unmarked(&dep, "/opt/d.ko.xz kernel/c.ko last.ko updates/a-b.ko");
	assert_true(mf_modules_dep_mark(&dep, "updates/a-b.ko"));
	assert_true(mf_modules_dep_mark(&dep, "last.ko"));
	assert_unmarked(&dep, "/opt/d.ko.xz kernel/c.ko");
	/* ignored in favor of the other file of its name, which this does not mark */
	assert_true(mf_modules_dep_mark(&dep, "kernel/a_b.ko.zst"));
	assert_true(mf_modules_dep_mark(&dep, "extra/c.evil.ko"));
	assert_false(mf_modules_dep_mark(&dep, "extra/e.ko"));
	assert_unmarked(&dep, "/opt/d.ko.xz kernel/c.ko");
	mf_modules_dep_done(&dep);
}

static int stop(void *arg, const char *path, size_t len)
{
	++*(int *)arg;
	return 7;
}

static void a_visitor_ends_the_walk(void **state)
{
	struct mf_modules_dep dep = dep_of(*state, "a.ko:\nb.ko:\n");
	int calls = 0;

	assert_int_equal(mf_modules_dep_each_unmarked(&dep, stop, &calls), 7);
	assert_int_equal(calls, 1);
	mf_modules_dep_done(&dep);
}

static void what_is_no_line_of_it_names_nothing(void **state)
{
	static const char *const texts[] = { NULL, "", "\n\n", "no colon\n", ":\n", ": a.ko\n" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(texts); i++) {
		struct mf_modules_dep dep = dep_of(*state, texts[i]);

		assert_unmarked(&dep, "");
		assert_false(mf_modules_dep_mark(&dep, "a.ko"));
		mf_modules_dep_done(&dep);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_path_is_met_once_and_a_name_stands_for_its_other_files),
		ROOTED(a_visitor_ends_the_walk),
		ROOTED(what_is_no_line_of_it_names_nothing),
	};

	return UNIT_RUN(tests);
}

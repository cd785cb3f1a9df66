/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which installed packages count for a kernel. Whole plans are tested by tests/cases. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/solve.h"
#include "tests/primary.h"

#define RELEASE "6.4.0-150600.21-default"

static bool no_link(void *arg, const char *module, char ret_release[MF_RELEASE_MAX])
{
	return false;
}

static bool link_of_linked(void *arg, const char *module, char ret_release[MF_RELEASE_MAX])
{
	strcpy(ret_release, "6.4.0-150600.14-default");
	return !strcmp(module, "linked");
}

/* Adds packages as installed ones. */
static void add_installed(struct mf_pool *pool, const struct primary *packages, size_t n)
{
	struct mf_pool *from = primary_pool(packages, n);
	int fd = mf_memfile_new("cache"), *ids;
	size_t n_ids;

	mf_pool_ready(from);
	assert_int_equal(mf_pool_list(from, 0, &ids, &n_ids), 0);
	assert_int_equal(mf_pool_write(from, ids, n_ids, fd), 0);
	assert_int_equal(mf_pool_add_installed_cache(pool, fd), 0);
	mf_pool_free(from);
	free(ids);
	close(fd);
}

/* Is it in the pool after that kernel was set? */
static bool counts(const struct primary *package, const char *release, mf_pool_link *link)
{
	struct mf_release parsed;
	struct mf_pool *pool;
	size_t n = 0;
	int *ids;

	assert_int_equal(mf_release_parse(release, NULL, &parsed), 0);
	assert_int_equal(mf_pool_new(NULL, &pool), 0);
	add_installed(pool, package, 1);
	assert_int_equal(mf_pool_set_kernel(pool, &parsed, false, link, NULL), 0);
	assert_int_equal(mf_pool_list(pool, MF_POOL_INSTALLED, &ids, &n), 0);
	free(ids);
	mf_pool_free(pool);
	return n;
}

static void each_mark_tells_the_kernel_of_a_package(void **state)
{
	static const struct {
		struct primary package;
		bool counts;
	} rows[] = {
		/* nothing says which */
		{ { "foo", "1-1", "foo" }, true },
		{ { "foo-kmp-default", "1-1", "kmod(foo.ko) ksym(default:a)=1" }, true },
		{ { "firmware", "1_k9.9_1-1", "firmware(a)" }, true },
		/* the tag in the name */
		{ { "igb-kmp-default-6.4.0_150600.21", "1-1", "kmod(igb.ko)" }, true },
		{ { "igb-kmp-default-6.4.0_150600.14", "1-1", "kmod(igb.ko)" }, false },
		{ { "igb-kmp-azure-6.4.0_150600.21", "1-1", "kmod(igb.ko)" }, false },
		{ { "igb-kmp-rt-default-6.4.0_150600.21", "1-1", "kmod(igb.ko)" }, false },
		/* directories: they tell more than the version */
		{ { "foo-kmp-default", "1-1", "modfetch-kernel(" RELEASE ")" }, true },
		{ { "foo-kmp-default", "1-1", "modfetch-kernel(6.4.0-150600.14-default)" }, false },
		{ { "foo-kmp-default", "1_k6.4.0_150600.14-1", "modfetch-kernel(" RELEASE ")" },
		  true },
		{ { "foo-kmp-default", "1_k6.4.0_150600.21-1",
		    "modfetch-kernel(6.4.0-150600.14-default)" },
		  false },
		{ { "foo-kmp-default", "1-1",
		    "modfetch-kernel(6.4.0-150600.14-default) modfetch-kernel(" RELEASE ")" },
		  true },
		/* releases that are provided or needed */
		{ { "kernel-default", "1-1", "kernel-uname-r=" RELEASE }, true },
		{ { "kernel-default", "1-1", "kernel-uname-r=6.4.0-150600.21.default" }, true },
		{ { "kernel-default", "1-1", "kernel-uname-r=6.4.0-150600.14-default" }, false },
		{ { "kernel-modules-core", "1-1", "kernel-modules-core-uname-r=" RELEASE }, true },
		{ { "kernel-devel", "1-1", "kernel-devel-uname-r=6.4.0-150600.14.default" },
		  false },
		{ { "kernel-extra", "1-1", "x", "kernel-core-uname-r=" RELEASE }, true },
		{ { "kmod-foo", "1-1", "x", "kernel-uname-r=6.4.0-150600.14.default" }, false },
		/* SUSE's builds */
		{ { "foo-kmp-default", "1_k6.4.0_150600.21-1", "x" }, true },
		{ { "foo-kmp-default", "1_k6.4.0_150600.2-1", "x" }, false },
		{ { "foo-kmp-rt", "1_k6.4.0_150600.21-1", "x" }, false },
		{ { "foo-kmp-default", "1_k6.4.0_150600.211-1", "x" }, false },
		{ { "foo-kmp-default", "1-1", "foo-kmp-default-k6.4.0_150600.21" }, true },
		{ { "foo-kmp-default", "1-1", "foo-kmp-default-k6.4.0_150600.14" }, false },
		/* the version of a kernel's own package */
		{ { "kernel-default", "6.4.0-150600.21.1", "ksym(default:a)=1" }, true },
		{ { "kernel-default", "6.4.0-150600.21", "multiversion(kernel)" }, true },
		{ { "kernel-default", "6.4.0-150600.21.7.1", "ksym(default:a)=1" }, false },
		{ { "kernel-default", "6.4.0-150600.211", "ksym(default:a)=1" }, false },
		{ { "kernel-default-devel", "6.4.0-150600.14.1", "installonlypkg(kernel)" },
		  false },
		{ { "kernel-default", "6.4.0-150600.14.1", "kernel(default:mm)=1" }, false },
		{ { "kernel-firmware-all", "20240728-1", "x" }, true },
	};

	for (size_t i = 0; i < N(rows); i++)
		if (counts(&rows[i].package, RELEASE, no_link) != rows[i].counts)
			fail_msg("row %zu: %s-%s %s", i, rows[i].package.name, rows[i].package.evr,
				 rows[i].package.provides);
}

static void a_link_brings_in_the_package_it_leads_to(void **state)
{
	static const struct {
		struct primary package;
		bool counts;
	} rows[] = {
		{ { "l-kmp-default", "1_k6.4.0_150600.14-1", "kmod(linked.ko)" }, true },
		{ { "l-kmp-default", "1-1",
		    "kmod(linked.ko) modfetch-kernel(6.4.0-150600.14-default)" },
		  true },
		{ { "l-kmp-default-6.4.0_150600.14", "1-1", "kmod(linked.ko)" }, true },
		/* the link leads elsewhere, or is of another module */
		{ { "l-kmp-default", "1_k6.4.0_150600.1-1", "kmod(linked.ko)" }, false },
		{ { "l-kmp-default", "1-1",
		    "kmod(linked.ko) modfetch-kernel(6.4.0-150600.1-default)" },
		  false },
		{ { "l-kmp-default", "1_k6.4.0_150600.14-1", "kmod(other.ko)" }, false },
	};

	for (size_t i = 0; i < N(rows); i++)
		if (counts(&rows[i].package, RELEASE, link_of_linked) != rows[i].counts)
			fail_msg("row %zu: %s-%s %s", i, rows[i].package.name, rows[i].package.evr,
				 rows[i].package.provides);
}

/* A pool with a driver that is installed for another kernel, and this package in a repository. */
static struct mf_pool *beside(const struct primary *package)
{
	static const struct primary installed[] = {
		{ "foo-kmp-default", "2_k6.4.0_150600.14-1",
		  "foo-kmp-default=2_k6.4.0_150600.14-1 foo-kmp kmod(foo.ko) ksym(default:a)=1" },
	};
	struct mf_pool *pool = primary_pool(package, 1);
	struct mf_release release;

	assert_int_equal(mf_release_parse(RELEASE, NULL, &release), 0);
	add_installed(pool, installed, N(installed));
	assert_int_equal(mf_pool_set_kernel(pool, &release, false, no_link, NULL), 0);
	mf_pool_ready(pool);
	return pool;
}

static void what_a_plan_could_replace_keeps_its_names_alone(void **state)
{
	static const struct {
		struct primary package;
		bool kept;
	} rows[] = {
		{ { "bar-kmp-default", "1-1", "x" }, false },
		{ { "foo-kmp-default", "3-1", "multiversion(kernel)" }, false },
		{ { "foo-kmp-default", "3-1", "x" }, true },
		{ { .name = "bar", .evr = "1-1", .obsoletes = "foo-kmp-default" }, true },
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct mf_pool *pool = beside(&rows[i].package);
		int *ids;
		size_t n;

		assert_int_equal(mf_pool_list(pool, MF_POOL_INSTALLED, &ids, &n), 0);
		assert_int_equal(n, rows[i].kept);
		if (n) {
			assert_true(mf_pool_is_of_other(pool, ids[0]));
			assert_int_equal(primary_provider(pool, "foo-kmp", NULL), ids[0]);
		}
		free(ids);
		assert_int_equal(primary_provider(pool, "kmod(foo.ko)", NULL), 0);
		assert_int_equal(primary_provider(pool, "ksym(default:a)", "1"), 0);
		mf_pool_free(pool);
	}
}

static void the_same_package_of_another_kernel_is_known(void **state)
{
	static const struct primary same = { "foo-kmp-default", "2_k6.4.0_150600.14-1",
					     "multiversion(kernel)" };
	static const struct primary newer = { "foo-kmp-default", "3_k6.4.0_150600.14-1",
					      "multiversion(kernel)" };
	struct mf_pool *pool = beside(&same);
	int *ids;
	size_t n;

	assert_int_equal(mf_pool_elsewhere(pool, &ids, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(mf_pool_name(pool, ids[0]), "foo-kmp-default");
	free(ids);
	mf_pool_free(pool);
	pool = beside(&newer);
	assert_int_equal(mf_pool_elsewhere(pool, &ids, &n), 0);
	assert_int_equal(n, 0);
	free(ids);
	mf_pool_free(pool);
}

static int note_other(void *arg, const struct mf_other_package *package)
{
	char *text = arg;

	snprintf(text + strlen(text), 200, "%s %s %s %zu %s\n", package->name, package->evr,
		 package->arch, package->modules->n,
		 package->modules->n ? package->modules->v[0] : "");
	return 0;
}

static int end_at_once(void *arg, const struct mf_other_package *package)
{
	++*(int *)arg;
	return 7;
}

/* Whether it was taken out of the pool or kept its names. */
static void packages_of_other_kernels_are_known_after_they_left(void **state)
{
	static const struct primary installed[] = {
		{ "gone-kmp-default-6.4.0_150600.14", "5.1-1",
		  "x kmod(snd-gone.ko) ksym(default:a)=1" },
		{ "here-kmp-default-6.4.0_150600.21", "5.1-1", "kmod(here.ko)" },
		{ "foo-kmp-default", "2_k6.4.0_150600.14-1", "foo-kmp-default kmod(foo.ko)" },
	};
	static const struct primary newer = { "foo-kmp-default", "3-1", "foo-kmp-default" };
	struct mf_pool *pool = primary_pool(&newer, 1);
	struct mf_release release;
	char text[600] = "";
	int calls = 0;

	assert_int_equal(mf_release_parse(RELEASE, NULL, &release), 0);
	add_installed(pool, installed, N(installed));
	assert_int_equal(mf_pool_set_kernel(pool, &release, false, no_link, NULL), 0);
	mf_pool_ready(pool);
	assert_int_equal(mf_pool_each_other(pool, note_other, text), 0);
	assert_non_null(strstr(text, "gone-kmp-default-6.4.0_150600.14 5.1-1 x86_64 1 snd_gone\n"));
	assert_non_null(strstr(text, "foo-kmp-default 2_k6.4.0_150600.14-1 x86_64 1 foo\n"));
	assert_null(strstr(text, "here"));
	assert_int_equal(mf_pool_each_other(pool, end_at_once, &calls), 7);
	assert_int_equal(calls, 1);
	mf_pool_free(pool);
}

static void builds_for_other_kernels_are_other_builds_beside_one_for_this(void **state)
{
	static const struct primary packages[] = {
		{ "foo-kmp-default", "1_k6.4.0_150600.21-1", "foo-kmp-default" },
		{ "foo-kmp-default", "2_k6.4.0_150600.14-1", "foo-kmp-default" },
		{ "bar-kmp-default", "2_k6.4.0_150600.14-1", "bar-kmp-default" },
	};
	struct mf_pool *pool = primary_pool(packages, N(packages));
	struct mf_release release;
	struct mf_package package;
	int *ids;
	size_t n;

	assert_int_equal(mf_release_parse(RELEASE, NULL, &release), 0);
	assert_int_equal(mf_pool_set_kernel(pool, &release, false, no_link, NULL), 0);
	mf_pool_ready(pool);
	assert_int_equal(mf_pool_other_builds(pool, &ids, &n), 0);
	assert_int_equal(n, 1);
	mf_pool_package(pool, ids[0], &package);
	assert_string_equal(package.evr, "2_k6.4.0_150600.14-1");
	assert_false(mf_pool_is_built_for(pool, ids[0]));
	assert_true(mf_pool_is_built_for(pool, ids[0] - 1));
	free(ids);
	mf_pool_free(pool);
}

static void marks_have_a_form_of_their_own(void **state)
{
	size_t len;

	assert_true(mf_pool_is_kernel_mark("modfetch-kernel(6.1.0)", "foo"));
	assert_true(mf_pool_is_kernel_mark("multiversion(kernel)", "foo"));
	assert_true(mf_pool_is_kernel_mark("foo-k6.4", "foo"));
	assert_false(mf_pool_is_kernel_mark("foo-kmp", "foo"));
	assert_false(mf_pool_is_kernel_mark("foo", "foo"));
	assert_string_equal(mf_pool_marked_kernel("modfetch-kernel(6.1.0)", &len), "6.1.0)");
	assert_int_equal(len, strlen("6.1.0"));
	assert_null(mf_pool_marked_kernel("kernel(6.1.0)", &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mark_tells_the_kernel_of_a_package),
		cmocka_unit_test(a_link_brings_in_the_package_it_leads_to),
		cmocka_unit_test(what_a_plan_could_replace_keeps_its_names_alone),
		cmocka_unit_test(the_same_package_of_another_kernel_is_known),
		cmocka_unit_test(packages_of_other_kernels_are_known_after_they_left),
		cmocka_unit_test(builds_for_other_kernels_are_other_builds_beside_one_for_this),
		cmocka_unit_test(marks_have_a_form_of_their_own),
	};

	return UNIT_RUN(tests);
}

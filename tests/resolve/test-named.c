/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a name that a user typed means: which installed package, or one that is only available. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/array.h"
#include "modfetch/resolve.h"
#include "src/resolve/named.h"
#include "tests/primary.h"

#define IGB	       "igb-kmp-amd64-6.1.0_56"
#define KERNEL_PACKAGE "kernel-amd64-image-6.1.0_56"

static const struct primary installed[] = {
	{ .name = IGB,
	  .evr = "5.4-1",
	  .provides = "kmod(igb.ko) igb-kmp igb-kmp-amd64 driver-of-all" },
	{ .name = KERNEL_PACKAGE,
	  .evr = "1-1",
	  .provides = "kmod(ext4.ko) kernel-uname-r=" KERNEL },
};

static const struct primary available[] = {
	{ .name = "xfs-kmp-amd64-6.1.0_56", .evr = "1-1", .provides = "kmod(xfs.ko) xfs-kmp" },
	{ .name = IGB, .evr = "5.5-1", .provides = "kmod(igb.ko) igb-kmp" },
	{ .name = "odd-kmp", .evr = "1-1", .provides = "kmod(ext4.ko)" },
};

/* A pool with both lists; the installed ones are read from a cache, as in a run. */
static struct mf_pool *make_pool(void)
{
	struct mf_pool *from = primary_pool(installed, N(installed)), *pool;
	int cache = mf_memfile_new("installed"), list = primary_file(available, N(available)), *ids;
	size_t n;

	mf_pool_ready(from);
	assert_int_equal(mf_pool_list(from, 0, &ids, &n), 0);
	assert_int_equal(mf_pool_write(from, ids, n, cache), 0);
	free(ids);
	mf_pool_free(from);
	assert_int_equal(mf_pool_new("x86_64", &pool), 0);
	assert_int_equal(mf_pool_add_primary(pool, list, 0), 0);
	assert_int_equal(mf_pool_add_installed_cache(pool, cache), 0);
	mf_pool_ready(pool);
	close(cache);
	close(list);
	return pool;
}

static int installed_id(struct mf_pool *pool, const char *name)
{
	int *ids, found = 0;
	size_t n;

	assert_int_equal(mf_pool_list(pool, MF_POOL_INSTALLED, &ids, &n), 0);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(mf_pool_name(pool, ids[i]), name))
			found = ids[i];
	free(ids);
	assert_true(found);
	return found;
}

static void each_form_means_its_package_and_no_other(void **state)
{
	static const struct {
		const char *name;
		enum mf_meaning meaning;
	} cases[] = {
		{ IGB, MF_MEANS_NAME },
		{ IGB "-5.4", MF_MEANS_VERSION },
		{ IGB "-5.4-1", MF_MEANS_VERSION },
		{ IGB "-5.4-1.x86_64", MF_MEANS_VERSION },
		{ IGB "-5.5", MF_MEANS_NOTHING },
		{ IGB "-5", MF_MEANS_NOTHING },
		{ IGB "5.4", MF_MEANS_NOTHING },
		{ "igb-kmp", MF_MEANS_SHORT },
		{ "igb-kmp-amd64", MF_MEANS_SHORT },
		{ "igb", MF_MEANS_MODULE },
		{ "igb.ko", MF_MEANS_MODULE },
		{ "/lib/modules/x/igb.ko.xz", MF_MEANS_MODULE },
		{ "igbvf", MF_MEANS_NOTHING },
		/* what a package says that it is */
		{ "driver-of-all", MF_MEANS_NOTHING },
		{ "igb*", MF_MEANS_NOTHING },
		{ "*", MF_MEANS_NOTHING },
		{ "", MF_MEANS_NOTHING },
	};
	struct mf_pool *pool = make_pool();
	int id = installed_id(pool, IGB);

	(void)state;
	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		enum mf_meaning meaning = MF_MEANS_NOTHING;

		assert_int_equal(mf_package_meant(pool, id, KERNEL, cases[i].name, &meaning), 0);
		if (meaning != cases[i].meaning)
			fail_msg("%s: %d, not %d", cases[i].name, meaning, cases[i].meaning);
	}
	mf_pool_free(pool);
}

static void a_module_of_a_kernel_does_not_mean_the_kernel(void **state)
{
	struct mf_pool *pool = make_pool();
	enum mf_meaning meaning = MF_MEANS_NAME;

	(void)state;
	assert_int_equal(mf_package_meant(pool, installed_id(pool, KERNEL_PACKAGE), KERNEL, "ext4",
					  &meaning),
			 0);
	assert_int_equal(meaning, MF_MEANS_NOTHING);
	mf_pool_free(pool);
}

static void what_is_only_available_is_not_what_is_installed(void **state)
{
	struct mf_pool *pool = make_pool();

	(void)state;
	assert_true(resolve_is_only_available(pool, "xfs"));
	assert_true(resolve_is_only_available(pool, "xfs-kmp"));
	assert_true(resolve_is_only_available(pool, "xfs-kmp-amd64-6.1.0_56"));
	/* installed, or a part or provide of what is */
	assert_false(resolve_is_only_available(pool, "igb"));
	assert_false(resolve_is_only_available(pool, "ext4"));
	assert_false(resolve_is_only_available(pool, "driver-of-all"));
	assert_false(resolve_is_only_available(pool, "nonsense"));
	mf_pool_free(pool);
}

static void a_package_is_called_by_its_name_or_version(void **state)
{
	struct mf_pool *pool = make_pool();

	(void)state;
	assert_int_equal(mf_package_is_called(pool, IGB), 1);
	assert_int_equal(mf_package_is_called(pool, "xfs-kmp-amd64-6.1.0_56"), 1);
	assert_int_equal(mf_package_is_called(pool, "xfs-kmp-amd64-6.1.0_56-1"), 1);
	assert_int_equal(mf_package_is_called(pool, "xfs-kmp"), 0);
	assert_int_equal(mf_package_is_called(pool, "xfs"), 0);
	mf_pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_means_its_package_and_no_other),
		cmocka_unit_test(a_module_of_a_kernel_does_not_mean_the_kernel),
		cmocka_unit_test(what_is_only_available_is_not_what_is_installed),
		cmocka_unit_test(a_package_is_called_by_its_name_or_version),
	};

	return UNIT_RUN(tests);
}

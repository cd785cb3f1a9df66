/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Everything known about a package. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/query.h"
#include "tests/primary.h"

static const struct primary packages[] = {
	{ .name = "nic-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "nic-kmp nic-kmp-" TAG " kmod(my-nic.ko)",
	  .requires = "ksym(amd64:ptp)=ab ksym(amd64:printk)=12 ksym(amd64:gone)=34",
	  .recommends = "extra-kmp-" TAG,
	  .suggests = "ptp-kmp-" TAG,
	  .supplements = "modalias(kernel-" TAG ":pci:v2*) modalias(kernel-" TAG ":pci:v1*)" },
	{ .name = "ptp-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "kmod(ptp.ko) ksym(amd64:ptp)=ab ptp-kmp-" TAG },
	{ .name = "ptp-kmp-" TAG,
	  .evr = "2-1",
	  .provides = "kmod(ptp.ko) ksym(amd64:ptp)=ab ptp-kmp-" TAG },
	{ .name = "extra-kmp-" TAG, .evr = "1-1", .provides = "kmod(extra.ko) extra-kmp-" TAG },
};

static int setup(void **state)
{
	int r = primary_setup(state, packages, N(packages));

	root_write(*state, "lib/modules/" KERNEL "/symvers",
		   "0x00000012\tprintk\tvmlinux\tEXPORT\t\n");
	root_write(*state, "lib/modules/" KERNEL "/modules.dep", "kernel/extra.ko:\n");
	return r;
}

static void a_name_is_a_packages_then_a_modules_then_what_is_provided(void **state)
{
	static const char *const names[] = { "nic-kmp-" TAG, "my-nic", "my_nic", "nic-kmp" };
	struct root *r = *state;
	struct mf_catalog *catalog;
	struct mf_pool *pool;
	int *ids;
	size_t n;

	assert_int_equal(mf_catalog_open(&r->ctx, &catalog), 0);
	for (size_t i = 0; i < N(names); i++) {
		assert_int_equal(mf_about_find(&r->ctx, catalog, names[i], &ids, &n), 0);
		assert_int_equal(n, 1);
		/* the pool it was found in: asking for another form replaces the one before */
		assert_int_equal(mf_catalog_pool(&r->ctx, catalog, &pool), 0);
		assert_int_equal(ids[0], primary_provider(pool, "nic-kmp", NULL));
		free(ids);
	}
	assert_int_equal(mf_about_find(&r->ctx, catalog, "ptp", &ids, &n), 0);
	assert_int_equal(n, 2);
	free(ids);
	assert_int_equal(mf_about_find(&r->ctx, catalog, "no-such", &ids, &n), -MFE_NOT_FOUND);
	mf_catalog_free(catalog);
}

static void all_that_is_known_is_told(void **state)
{
	struct root *r = *state;
	struct mf_catalog *catalog;
	struct mf_about about;
	struct mf_package provider;
	struct mf_pool *pool;
	int *ids;
	size_t n;

	assert_int_equal(mf_catalog_open(&r->ctx, &catalog), 0);
	assert_int_equal(mf_about_find(&r->ctx, catalog, "my_nic", &ids, &n), 0);
	assert_int_equal(mf_catalog_pool(&r->ctx, catalog, &pool), 0);
	assert_int_equal(mf_about(&r->ctx, catalog, ids[0], &about), 0);
	assert_string_equal(about.package.name, "nic-kmp-" TAG);
	assert_null(about.installed_evr);
	assert_int_equal(about.on_disk.n, 0);
	assert_int_equal(about.modules.n, 1);
	assert_string_equal(about.modules.v[0], "my_nic");
	assert_int_equal(about.aliases.n, 2);
	assert_string_equal(about.aliases.v[0], "pci:v1*");
	assert_int_equal(about.requires.n, 3);
	assert_string_equal(about.requires.v[0].text, "ksym(amd64:gone) = 34");
	assert_int_equal(about.requires.v[0].provider, 0);
	/* the newest of the candidates */
	assert_string_equal(about.requires.v[1].text, "ksym(amd64:ptp) = ab");
	mf_pool_package(pool, about.requires.v[1].provider, &provider);
	assert_string_equal(provider.evr, "2-1");
	assert_false(about.requires.v[1].present);
	assert_string_equal(about.requires.v[2].text, "ksym(amd64:printk) = 12");
	assert_true(about.requires.v[2].system);
	assert_int_equal(about.recommends.n, 1);
	assert_int_equal(about.suggests.n, 1);
	assert_string_equal(about.suggests.v[0].text, "ptp-kmp-" TAG);
	mf_pool_package(pool, about.suggests.v[0].provider, &provider);
	assert_string_equal(provider.evr, "2-1");
	mf_about_done(&about);
	free(ids);
	assert_int_equal(mf_about_find(&r->ctx, catalog, "extra", &ids, &n), 0);
	assert_int_equal(mf_about(&r->ctx, catalog, ids[0], &about), 0);
	assert_int_equal(about.on_disk.n, 1);
	mf_about_done(&about);
	free(ids);
	assert_int_equal(mf_about_find(&r->ctx, catalog, "ptp", &ids, &n), 0);
	assert_int_equal(mf_about(&r->ctx, catalog, ids[0], &about), 0);
	assert_int_equal(about.modules.n, 1);
	assert_int_equal(about.on_disk.n, 0);
	mf_about_done(&about);
	free(ids);
	mf_catalog_free(catalog);
}

static void what_a_thorough_plan_takes_is_still_shown_as_suggested(void **state)
{
	struct root *r = *state;
	struct mf_catalog *catalog;
	struct mf_about about;
	int *ids;
	size_t n;

	r->ctx.settings.thorough = true;
	assert_int_equal(mf_catalog_open(&r->ctx, &catalog), 0);
	assert_int_equal(mf_about_find(&r->ctx, catalog, "my_nic", &ids, &n), 0);
	assert_int_equal(mf_about(&r->ctx, catalog, ids[0], &about), 0);
	assert_int_equal(about.recommends.n, 1);
	assert_string_equal(about.recommends.v[0].text, "extra-kmp-" TAG);
	assert_int_equal(about.suggests.n, 1);
	mf_about_done(&about);
	free(ids);
	mf_catalog_free(catalog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_name_is_a_packages_then_a_modules_then_what_is_provided, setup,
			root_teardown),
		cmocka_unit_test_setup_teardown(all_that_is_known_is_told, setup, root_teardown),
		cmocka_unit_test_setup_teardown(
			what_a_thorough_plan_takes_is_still_shown_as_suggested, setup,
			root_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

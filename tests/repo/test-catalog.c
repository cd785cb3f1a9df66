/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Several repositories seen by one kernel. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/catalog.h"
#include "tests/primary.h"

static const struct primary main_repo[] = {
	{ .name = "e1000e-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "e1000e-kmp kmod(e1000e.ko)",
	  .supplements = "modalias(kernel-" TAG ":pci:v8086*)" },
	{ .name = "xfs-kmp-" TAG, .evr = "1-1", .provides = "kmod(xfs.ko) kalias(" TAG ":fs-xfs)" },
	{ .name = "e1000e-kmp-amd64-6.9.0_1",
	  .evr = "1-1",
	  .provides = "kmod(e1000e.ko)",
	  .supplements = "modalias(kernel-amd64-6.9.0_1:pci:v9999*)" },
};
static const struct primary vendor_repo[] = {
	{ .name = "nic-kmp-amd64",
	  .evr = "1-1",
	  .provides = "kmod(nic.ko)",
	  .supplements = "modalias(kernel-amd64:pci:v8086*)" },
	{ .name = "odd-kmp-default",
	  .evr = "1-1",
	  .provides = "kmod(odd.ko)",
	  .supplements = "modalias(kernel-default:pci:v8086*)" },
	{ .name = "plain-kmp",
	  .evr = "1-1",
	  .provides = "kmod(plain.ko)",
	  .supplements = "modalias(pci:v8086d1*)" },
};

static void configure(struct root *r)
{
	root_write(r, "etc/modfetch/repos.d/a.repo",
		   "[vendor]\nbaseurl=http://v\npriority=50\n[main]\nbaseurl=http://m\n"
		   "[off]\nbaseurl=http://o\nenabled=0\n");
	assert_int_equal(primary_cache(&r->ctx, "main", main_repo, N(main_repo), 1), 0);
	assert_int_equal(primary_cache(&r->ctx, "vendor", vendor_repo, N(vendor_repo), 2), 0);
	assert_int_equal(primary_cache(&r->ctx, "off", main_repo, N(main_repo), 3), 0);
}

static int note(void *arg, const char *pattern, const char *value, size_t repo)
{
	char *text = arg;

	snprintf(text + strlen(text), 500 - strlen(text), "%s@%zu;", value, repo);
	return 0;
}

static int end_walk(void *arg, const char *pattern, const char *value, size_t repo)
{
	return 3;
}

static void aliases_of_all_layers_are_found_better_repository_first(void **state)
{
	struct root *r = *state;
	struct mf_catalog *c;
	char text[500] = "";

	configure(r);
	assert_int_equal(mf_catalog_open(&r->ctx, &c), 0);
	assert_string_equal(mf_catalog_tag(c), TAG);
	assert_string_equal(mf_catalog_repos(c)->v[0].id, "vendor");
	assert_int_equal(mf_catalog_aliases(c, "pci:v8086d1234", note, text), 0);
	/* this kernel's, its flavor's, any kernel's; not another flavor's, not another kernel's */
	assert_string_equal(text, "nic@0;plain@0;e1000e@1;");
	*text = '\0';
	assert_int_equal(mf_catalog_aliases(c, "pci:v9999", note, text), 0);
	assert_string_equal(text, "");
	assert_int_equal(mf_catalog_aliases(c, "fs_xfs", note, text), 0);
	assert_string_equal(text, "xfs@1;");
	assert_int_equal(mf_catalog_aliases(c, "pci:v8086", end_walk, text), 3);
	mf_catalog_free(c);
}

static void modules_are_found_by_name(void **state)
{
	struct root *r = *state;
	struct mf_catalog *c;
	char text[500] = "";

	configure(r);
	assert_int_equal(mf_catalog_open(&r->ctx, &c), 0);
	assert_int_equal(mf_catalog_module(c, "e1000e", note, text), 0);
	assert_string_equal(text, "e1000e-kmp-" TAG "@1;");
	*text = '\0';
	assert_int_equal(mf_catalog_module(c, "plain", note, text), 0);
	assert_string_equal(text, "plain-kmp@0;");
	*text = '\0';
	assert_int_equal(mf_catalog_module(c, "none", note, text), 0);
	assert_string_equal(text, "");
	mf_catalog_free(c);
}

static int note_carrier(void *arg, const char *module, const char *label, size_t repo)
{
	char *text = arg;

	snprintf(text + strlen(text), 500 - strlen(text), "%s:%s@%zu;", module, label, repo);
	return 0;
}

static void packages_of_one_module_are_known_by_the_aliases_in_which_they_differ(void **state)
{
	static const struct primary versions[] = {
		{ .name = "nic-kmp-amd64",
		  .evr = "1-1",
		  .provides = "kmod(nic.ko) kmod(nic-extra.ko)",
		  .supplements = "modalias(kernel-amd64:pci:v8086*)" },
		{ .name = "nic-kmp-amd64",
		  .evr = "2-1",
		  .provides = "kmod(nic.ko)",
		  .supplements = "modalias(kernel-amd64:pci:v1234*)" },
	};
	struct root *r = *state;
	struct mf_catalog *c;
	char text[500] = "";

	configure(r);
	assert_int_equal(primary_cache(&r->ctx, "vendor", versions, N(versions), 2), 0);
	assert_int_equal(mf_catalog_open(&r->ctx, &c), 0);
	assert_int_equal(mf_catalog_carriers(c, "pci:v8086d1", note_carrier, text), 0);
	assert_string_equal(text, "nic_extra:nic-kmp-amd64-1-1.x86_64@0;"
				  "nic:nic-kmp-amd64-1-1.x86_64@0;");
	*text = '\0';
	assert_int_equal(mf_catalog_carriers(c, "pci:v1234d1", note_carrier, text), 0);
	assert_string_equal(text, "nic:nic-kmp-amd64-2-1.x86_64@0;");
	assert_int_equal(mf_catalog_carriers(c, "pci:v1234d1", end_walk, NULL), 3);
	mf_catalog_free(c);
	root_write(r, "var/cache/modfetch/vendor/current/carrier-amd64.bin", "no index");
	assert_int_equal(mf_catalog_open(&r->ctx, &c), -MFE_BAD_INDEX);
}

static void the_pool_has_this_kernels_packages_and_anybodys(void **state)
{
	struct root *r = *state;
	struct mf_catalog *c;
	struct mf_pool *pool, *again;
	struct mf_package p;

	configure(r);
	assert_int_equal(mf_catalog_open(&r->ctx, &c), 0);
	assert_int_equal(mf_catalog_pool(&r->ctx, c, &pool), 0);
	assert_int_equal(mf_catalog_pool(&r->ctx, c, &again), 0);
	assert_ptr_equal(pool, again);
	assert_int_equal(primary_provider(pool, "e1000e-kmp-amd64-6.9.0_1", NULL), 0);
	mf_pool_package(pool, primary_provider(pool, "e1000e-kmp-" TAG, NULL), &p);
	assert_int_equal(p.origin, 1);
	mf_pool_package(pool, primary_provider(pool, "kmod(plain.ko)", NULL), &p);
	assert_int_equal(p.origin, 0);
	mf_catalog_free(c);
}

static void without_a_repository_or_its_metadata_there_is_none(void **state)
{
	struct root *r = *state;
	struct mf_catalog *c = NULL;

	assert_int_equal(mf_catalog_open(&r->ctx, &c), -MFE_NO_REPOSITORY);
	root_write(r, "etc/modfetch/repos.d/a.repo", "[main]\nbaseurl=http://m\nenabled=0\n");
	assert_int_equal(mf_catalog_open(&r->ctx, &c), -MFE_NO_REPOSITORY);
	root_write(r, "etc/modfetch/repos.d/a.repo",
		   "[main]\nbaseurl=http://m\n[other]\nbaseurl=http://o\n");
	assert_int_equal(mf_catalog_open(&r->ctx, &c), -MFE_NO_METADATA);
	assert_null(c);
	/* one that has some is enough */
	assert_int_equal(primary_cache(&r->ctx, "other", main_repo, N(main_repo), 1), 0);
	assert_int_equal(mf_catalog_open(&r->ctx, &c), 0);
	mf_catalog_free(c);
	/* and what is no repository costs it nothing; alone it is the failure */
	root_write(r, "etc/modfetch/repos.d/b.repo", "nonsense");
	assert_int_equal(mf_catalog_open(&r->ctx, &c), 0);
	mf_catalog_free(c);
	c = NULL;
	root_write(r, "etc/modfetch/repos.d/a.repo", "");
	assert_int_equal(mf_catalog_open(&r->ctx, &c), -MFE_CONFIG);
	assert_null(c);
}

static void a_damaged_index_is_said_to_be(void **state)
{
	static const char *const names[] = { "alias-" TAG ".bin", "name-" TAG ".bin",
					     "name-other.bin" };
	struct root *r = *state;
	struct mf_catalog *c;
	char path[200];

	for (size_t i = 0; i < N(names); i++) {
		configure(r);
		snprintf(path, sizeof(path), "var/cache/modfetch/main/current/%s", names[i]);
		root_write(r, path, "no index");
		assert_int_equal(mf_catalog_open(&r->ctx, &c), -MFE_BAD_INDEX);
		assert_string_equal(r->ctx.failure.what, "main");
	}
}

static void a_damaged_list_is_said_to_be(void **state)
{
	static const char *const names[] = { "plan-" TAG ".solv", "plan-other.solv",
					     "packages-" TAG ".solv" };
	struct root *r = *state;

	for (size_t i = 0; i < N(names); i++) {
		struct mf_catalog *c;
		struct mf_pool *pool;
		char path[200];

		configure(r);
		snprintf(path, sizeof(path), "var/cache/modfetch/main/current/%s", names[i]);
		root_write(r, path, "no list");
		assert_int_equal(mf_catalog_open(&r->ctx, &c), 0);
		assert_int_equal(mf_catalog_pool(&r->ctx, c, &pool), i < 2 ? -MFE_BAD_INDEX : 0);
		if (i == 2)
			assert_int_equal(mf_catalog_pool_whole(&r->ctx, c, &pool), -MFE_BAD_INDEX);
		assert_string_equal(r->ctx.failure.what, "main");
		mf_catalog_free(c);
	}
}

static const struct primary with_image[] = {
	{ .name = "kernel-amd64-image-6.1.0_56",
	  .evr = "1-1",
	  .provides = "kernel-amd64-image-6.1.0_56 ksym(amd64:printk)=1 ksym(amd64:kfree)=2" },
	{ .name = "xfs-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "xfs-kmp xfs-kmp-" TAG " kmod(xfs.ko)",
	  .requires = "ksym(amd64:printk)=1 ksym(amd64:kfree)=2 ksym(amd64:crc)=2" },
	{ .name = "crc-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "crc-kmp-" TAG " kmod(crc.ko) ksym(amd64:crc)=2 ksym(amd64:idle)=3" },
};

static void whoever_wants_to_know_more_has_the_whole_lists(void **state)
{
	struct root *r = *state;
	struct mf_catalog *c;
	struct mf_pool *pool;

	root_write(r, "etc/modfetch/repos.d/a.repo", "[main]\nbaseurl=http://m\n");
	assert_int_equal(primary_cache(&r->ctx, "main", with_image, N(with_image), 1), 0);
	assert_int_equal(mf_catalog_open(&r->ctx, &c), 0);
	assert_false(mf_catalog_is_whole(c));
	assert_int_equal(mf_catalog_pool(&r->ctx, c, &pool), 0);
	assert_false(mf_catalog_is_whole(c));
	assert_true(primary_provider(pool, "ksym(amd64:crc)", "2") > 0);
	assert_int_equal(primary_provider(pool, "ksym(amd64:idle)", "3"), 0);
	assert_int_equal(mf_catalog_pool_whole(&r->ctx, c, &pool), 0);
	assert_true(mf_catalog_is_whole(c));
	assert_true(primary_provider(pool, "ksym(amd64:idle)", "3") > 0);
	/* it serves for plans as well */
	assert_int_equal(mf_catalog_pool(&r->ctx, c, &pool), 0);
	assert_true(mf_catalog_is_whole(c));
	mf_catalog_free(c);
}

static void a_kernel_of_another_build_has_the_whole_lists(void **state)
{
	struct root *r = *state;
	struct mf_catalog *c;
	struct mf_pool *pool;

	root_write(r, "etc/modfetch/repos.d/a.repo", "[main]\nbaseurl=http://m\n");
	root_write(r, "lib/modules/6.1.0-56-amd64/symvers",
		   "0x1\tprintk\tvmlinux\tEXPORT_SYMBOL\n0x9\tkfree\tvmlinux\tEXPORT_SYMBOL\n");
	assert_int_equal(primary_cache(&r->ctx, "main", with_image, N(with_image), 1), 0);
	assert_int_equal(mf_catalog_open(&r->ctx, &c), 0);
	assert_int_equal(mf_catalog_pool(&r->ctx, c, &pool), 0);
	assert_true(mf_catalog_is_whole(c));
	mf_catalog_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(aliases_of_all_layers_are_found_better_repository_first),
		ROOTED(modules_are_found_by_name),
		ROOTED(packages_of_one_module_are_known_by_the_aliases_in_which_they_differ),
		ROOTED(the_pool_has_this_kernels_packages_and_anybodys),
		ROOTED(without_a_repository_or_its_metadata_there_is_none),
		ROOTED(a_damaged_index_is_said_to_be),
		ROOTED(a_damaged_list_is_said_to_be),
		ROOTED(whoever_wants_to_know_more_has_the_whole_lists),
		ROOTED(a_kernel_of_another_build_has_the_whole_lists),
	};

	return UNIT_RUN(tests);
}

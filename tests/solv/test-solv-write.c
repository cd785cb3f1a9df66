/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The form of a package list that is for planning, and when it may be used. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/solv.h"
#include "tests/primary.h"

#define IMAGE "kernel-amd64-image-6.1.0_56"

static const struct primary packages[] = {
	{ .name = IMAGE,
	  .evr = "1-1",
	  .provides = IMAGE " ksym(amd64:printk)=12 ksym(amd64:kfree)=34" },
	{ .name = "nic-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "nic-kmp-" TAG,
	  .requires = "ksym(amd64:printk)=12 ksym(amd64:kfree)=34 ksym(amd64:ptp)=56" },
	{ .name = "odd-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "odd-kmp-" TAG,
	  .requires = "ksym(amd64:printk)=99" },
};

/* The packages as they are read again from the form for planning, on a machine that exports DEPS.
 */
static struct mf_pool *planning(const struct mf_dep *deps, size_t n_deps, bool *ret_settled)
{
	struct mf_pool *pool = primary_pool(packages, N(packages)), *again;
	int fd = mf_memfile_new("plan"), *ids;
	size_t n;

	mf_pool_ready(pool);
	assert_int_equal(mf_pool_list(pool, 0, &ids, &n), 0);
	assert_int_equal(mf_pool_write_plan(pool, ids, n, primary_provider(pool, IMAGE, NULL), fd),
			 0);
	free(ids);
	mf_pool_free(pool);
	assert_int_equal(mf_pool_new("x86_64", &again), 0);
	assert_int_equal(mf_pool_add_cache(again, fd, 0, 99), 0);
	close(fd);
	assert_int_equal(mf_pool_add_system(again, deps, n_deps, NULL, 0, NULL), 0);
	*ret_settled = mf_pool_settle(again);
	mf_pool_ready(again);
	return again;
}

struct seen {
	size_t n, met;
	bool bundled;
};

static int see(void *arg, const char *need, const int *ids, size_t n)
{
	struct seen *seen = arg;

	seen->n++;
	seen->met += n > 0;
	seen->bundled |= !strncmp(need, "modfetch-exports(", 17);
	return 0;
}

static void what_the_image_exports_is_one_need_that_the_kernel_meets(void **state)
{
	const struct mf_dep here[] = { { "ksym(amd64:printk)", "12" },
				       { "ksym(amd64:kfree)", "34" },
				       { "ksym(amd64:more)", "1" } };
	struct seen nic = { 0 }, odd = { 0 };
	bool settled;
	struct mf_pool *pool = planning(here, N(here), &settled);

	assert_true(settled);
	assert_int_equal(mf_pool_needs(pool, primary_provider(pool, "nic-kmp-" TAG, NULL),
				       MF_REQUIRES, see, &nic),
			 0);
	/* the word, and ptp, which nobody has */
	assert_int_equal(nic.n, 2);
	assert_int_equal(nic.met, 1);
	assert_true(nic.bundled);
	/* another CRC is another symbol: that stays told, and unmet */
	assert_int_equal(mf_pool_needs(pool, primary_provider(pool, "odd-kmp-" TAG, NULL),
				       MF_REQUIRES, see, &odd),
			 0);
	assert_int_equal(odd.n, 1);
	assert_int_equal(odd.met, 0);
	assert_false(odd.bundled);
	mf_pool_free(pool);
}

static void a_kernel_of_another_build_does_not_settle_it(void **state)
{
	const struct mf_dep other[] = { { "ksym(amd64:printk)", "12" },
					{ "ksym(amd64:kfree)", "35" } };
	bool settled;

	mf_pool_free(planning(other, N(other), &settled));
	assert_false(settled);
	mf_pool_free(planning(other, 1, &settled));
	assert_false(settled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(what_the_image_exports_is_one_need_that_the_kernel_meets),
		UNIT(a_kernel_of_another_build_does_not_settle_it),
	};

	return UNIT_RUN(tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans of small pools, and why there is none. Whole machines are tested by resolve/. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/solve.h"
#include "nics.h"

static void add_system(struct mf_pool *pool, const char *crc)
{
	const struct mf_dep deps[] = { { "ksym(amd64:printk)", crc }, { "kernel-amd64", NULL } };

	assert_int_equal(mf_pool_add_system(pool, deps, 2, NULL, 0, NULL), 0);
	mf_pool_ready(pool);
}

static void a_plan_holds_what_is_needed_and_says_why(void **state)
{
	struct mf_pool *pool = primary_pool(nics, N(nics));
	struct mf_solution s = { 0 };
	struct mf_job job;
	int asked, ptp, extra;
	size_t seen = 0;

	add_system(pool, "1f2e");
	asked = primary_provider(pool, "e1000e-kmp", NULL);
	ptp = primary_provider(pool, "ptp-kmp", NULL);
	extra = primary_provider(pool, "extra-kmp", NULL);
	job = (struct mf_job){ false, &asked, 1 };
	assert_int_equal(mf_pool_solve(pool, &job, 1, &s), 0);
	assert_true(s.solved);
	assert_int_equal(s.n, 3);
	for (size_t i = 0; i < s.n; i++) {
		const struct mf_step *step = &s.steps[i];

		assert_false(step->erase);
		if (step->id == asked) {
			assert_int_equal(step->needed_by, 0);
		} else if (step->id == ptp) {
			assert_int_equal(step->needed_by, asked);
			assert_string_equal(step->dep, "ksym(amd64:ptp) = abcd");
			assert_false(step->recommended);
		} else {
			assert_int_equal(step->id, extra);
			assert_int_equal(step->needed_by, ptp);
			assert_true(step->recommended);
		}
		seen += (size_t)step->id;
	}
	assert_int_equal(seen, asked + ptp + extra);
	mf_solution_done(&s);
	mf_pool_free(pool);
}

static void what_is_missing_is_named(void **state)
{
	struct mf_pool *pool = primary_pool(nics, N(nics));
	struct mf_solution s = { 0 };
	struct mf_job job;
	int asked;

	/* the kernel has the symbol, with another CRC */
	add_system(pool, "beef");
	asked = primary_provider(pool, "extra-kmp", NULL);
	job = (struct mf_job){ false, &asked, 1 };
	assert_int_equal(mf_pool_solve(pool, &job, 1, &s), 0);
	assert_true(s.solved);
	mf_solution_done(&s);
	asked = primary_provider(pool, "ptp-kmp", NULL);
	assert_int_equal(mf_pool_solve(pool, &job, 1, &s), 0);
	assert_false(s.solved);
	assert_int_equal(s.n_problems, 1);
	assert_int_equal(s.problems[0].clash, MF_CLASH_MISSING);
	assert_int_equal(s.problems[0].from, asked);
	assert_string_equal(s.problems[0].dep, "ksym(amd64:printk) = 1f2e");
	mf_solution_done(&s);
	mf_pool_free(pool);
}

static void one_of_several_is_enough_and_the_better_repository_wins(void **state)
{
	static const struct primary a[] = {
		{ .name = "x-kmp", .evr = "1-1", .provides = "x-kmp" }
	};
	static const struct primary b[] = {
		{ .name = "x-kmp", .evr = "2-1", .provides = "x-kmp" }
	};
	struct mf_pool *from, *pool;
	struct mf_solution s = { 0 };
	struct mf_package p;
	struct mf_job job;
	int *ids;
	size_t n;

	assert_int_equal(mf_pool_new("x86_64", &pool), 0);
	for (int i = 0; i < 2; i++) {
		int fd = mf_memfile_new("cache");

		from = primary_pool(i ? b : a, 1);
		mf_pool_ready(from);
		assert_int_equal(mf_pool_list(from, 0, &ids, &n), 0);
		assert_int_equal(mf_pool_write(from, ids, n, fd), 0);
		free(ids);
		mf_pool_free(from);
		/* the older version is in the repository with the better priority */
		assert_int_equal(mf_pool_add_cache(pool, fd, i, i ? 99 : 50), 0);
		close(fd);
	}
	add_system(pool, "1");
	assert_int_equal(mf_pool_providers(pool, "x-kmp", NULL, &ids, &n), 0);
	assert_int_equal(n, 2);
	job = (struct mf_job){ false, ids, n };
	assert_int_equal(mf_pool_solve(pool, &job, 1, &s), 0);
	assert_true(s.solved);
	assert_int_equal(s.n, 1);
	mf_pool_package(pool, s.steps[0].id, &p);
	assert_int_equal(p.origin, 0);
	assert_string_equal(p.evr, "1-1");
	mf_solution_done(&s);
	free(ids);
	mf_pool_free(pool);
}

static void what_is_refused_is_not_used_and_named(void **state)
{
	static const struct primary packages[] = {
		{ .name = "drv-kmp",
		  .evr = "1-1",
		  .provides = "drv-kmp",
		  .requires = "ksym(amd64:printk)=2" },
		{ .name = "kernel-image",
		  .evr = "1-1",
		  .provides = "kernel-image ksym(amd64:printk)=2" },
	};
	struct mf_pool *pool = primary_pool(packages, N(packages));
	struct mf_solution s = { 0 };
	struct mf_job job;
	int drv, image;
	bool refused = false;

	add_system(pool, "1");
	drv = primary_provider(pool, "drv-kmp", NULL);
	image = primary_provider(pool, "kernel-image", NULL);
	job = (struct mf_job){ false, &drv, 1 };
	mf_pool_refuse(pool, image, true);
	assert_int_equal(mf_pool_solve(pool, &job, 1, &s), 0);
	assert_false(s.solved);
	for (size_t i = 0; i < s.n_problems; i++)
		refused |= s.problems[i].clash == MF_CLASH_REFUSED && s.problems[i].from == image;
	assert_true(refused);
	mf_solution_done(&s);
	/* and taken back */
	mf_pool_refuse(pool, image, false);
	assert_int_equal(mf_pool_solve(pool, &job, 1, &s), 0);
	assert_true(s.solved);
	assert_int_equal(s.n, 2);
	mf_solution_done(&s);
	mf_pool_free(pool);
}

static void two_that_exclude_each_other_are_a_conflict(void **state)
{
	static const struct primary packages[] = {
		{ .name = "new-kmp", .evr = "1-1", .provides = "new-kmp", .obsoletes = "old-kmp" },
		{ .name = "old-kmp", .evr = "1-1", .provides = "old-kmp" },
	};
	struct mf_pool *pool = primary_pool(packages, N(packages));
	struct mf_solution s = { 0 };
	int ids[2];
	const struct mf_job jobs[] = { { false, &ids[0], 1 }, { false, &ids[1], 1 } };

	add_system(pool, "1");
	ids[0] = primary_provider(pool, "new-kmp", NULL);
	ids[1] = primary_provider(pool, "old-kmp", NULL);
	assert_int_equal(mf_pool_solve(pool, jobs, 2, &s), 0);
	assert_false(s.solved);
	assert_true(s.n_problems > 0);
	assert_int_equal(s.problems[0].clash, MF_CLASH_CONFLICT);
	mf_solution_done(&s);
	mf_pool_free(pool);
}

/* What the machine has by itself is in the pool as one package, which no other one takes the place of. */
static void the_kernel_at_hand_is_never_replaced(void **state)
{
	static const struct primary packages[] = {
		{ .name = "drv-kmp",
		  .evr = "1-1",
		  .provides = "drv-kmp",
		  .obsoletes = "system:kernel" },
		{ .name = "other-kmp", .evr = "1-1", .provides = "other-kmp" },
	};
	struct mf_pool *pool = primary_pool(packages, N(packages));
	int drv, other;
	/* where a plan erases something, packages may go */
	const struct mf_job jobs[] = { { false, &drv, 1 }, { true, &other, 1 } };

	add_system(pool, "1");
	drv = primary_provider(pool, "drv-kmp", NULL);
	other = primary_provider(pool, "other-kmp", NULL);
	for (size_t n = 1; n <= N(jobs); n++) {
		struct mf_solution s = { 0 };

		assert_int_equal(mf_pool_solve(pool, jobs, n, &s), 0);
		assert_false(s.solved);
		mf_solution_done(&s);
	}
	mf_pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_plan_holds_what_is_needed_and_says_why),
		UNIT(what_is_missing_is_named),
		UNIT(one_of_several_is_enough_and_the_better_repository_wins),
		UNIT(what_is_refused_is_not_used_and_named),
		UNIT(two_that_exclude_each_other_are_a_conflict),
		UNIT(the_kernel_at_hand_is_never_replaced),
	};

	return UNIT_RUN(tests);
}

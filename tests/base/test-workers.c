/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every job runs once, with any number of threads, in many loops. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#include "modfetch/process.h"

#define JOBS 1000

struct tally {
	atomic_uint done[JOBS];
	atomic_uint bad_workers;
	unsigned int threads;
};

static void count(void *arg, size_t i, unsigned int worker)
{
	struct tally *tally = arg;

	atomic_fetch_add(&tally->done[i], 1);
	if (worker >= tally->threads)
		atomic_fetch_add(&tally->bad_workers, 1);
}

static void check(struct mf_workers *workers, unsigned int threads)
{
	struct tally *tally = calloc(1, sizeof(*tally));

	assert_non_null(tally);
	tally->threads = threads;
	for (unsigned int loop = 1; loop <= 50; loop++) {
		mf_workers_run(workers, JOBS, count, tally);
		for (size_t i = 0; i < JOBS; i++)
			assert_int_equal(tally->done[i], loop);
		mf_workers_run(workers, 0, count, tally);
		assert_int_equal(tally->done[0], loop);
		mf_workers_run(workers, 1, count, tally);
		assert_int_equal(tally->done[0]--, loop + 1);
		assert_int_equal(tally->done[1], loop);
	}
	assert_int_equal(tally->bad_workers, 0);
	free(tally);
}

static void each_job_is_done_once(void **state)
{
	static const unsigned int threads[] = { 0, 1, 2, 7, 16, 100 };

	for (size_t t = 0; t < MF_ARRAY_SIZE(threads); t++) {
		struct mf_workers *workers;

		assert_int_equal(mf_workers_new(threads[t], &workers), 0);
		check(workers, threads[t] ? threads[t] : 1);
		mf_workers_free(workers);
	}
	check(NULL, 1);
	mf_workers_free(NULL);
	assert_uint_in_range(mf_threads(), 1, 16);
}

struct meeting {
	atomic_uint there, met;
};

/* Two jobs that wait for each other. */
static void meet(void *arg, size_t i, unsigned int worker)
{
	struct meeting *m = arg;

	atomic_fetch_add(&m->there, 1);
	for (unsigned int naps = 0; atomic_load(&m->there) < 2 && naps < 20000; naps++)
		usleep(1000);
	if (atomic_load(&m->there) == 2)
		atomic_fetch_add(&m->met, 1);
}

static void jobs_run_side_by_side(void **state)
{
	struct mf_workers *workers;

	assert_int_equal(mf_workers_new(2, &workers), 0);
	for (size_t k = 0; k < 20; k++) {
		struct meeting m = { 0 };

		mf_workers_run(workers, 2, meet, &m);
		assert_int_equal(m.met, 2);
	}
	mf_workers_free(workers);
}

static void unused_workers_end(void **state)
{
	for (size_t k = 0; k < 100; k++) {
		struct mf_workers *workers;

		assert_int_equal(mf_workers_new(4, &workers), 0);
		mf_workers_free(workers);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(each_job_is_done_once),
		UNIT(jobs_run_side_by_side),
		UNIT(unused_workers_end),
	};

	return UNIT_RUN(tests);
}

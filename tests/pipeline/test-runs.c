/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The runs of an hour: those that count, the time to wait, and a damaged file. */
#include "tests/unit.h"
#include "tests/root.h"
#include <time.h>
#include "modfetch/drain.h"

static void put(struct root *f, const char *text)
{
	root_write(f, MF_RUNS_FILE, text);
}

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec;
}

static void what_is_counted_before_it_begins_counts(void **state)
{
	struct root *f = *state;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(mf_runs_wait(&f->ctx, 3), 0);
		assert_int_equal(mf_runs_count(&f->ctx, NULL), 0);
	}
	assert_uint_in_range(mf_runs_wait(&f->ctx, 3), 3590, 3600);
	assert_int_equal(mf_runs_wait(&f->ctx, 4), 0);
	assert_int_equal(mf_runs_wait(&f->ctx, 0), 0);
}

static void only_one_run_is_taken_back(void **state)
{
	struct root *f = *state;
	char text[128];
	uint64_t at;

	snprintf(text, sizeof(text), "%lld\n%lld\n", now() - 100, now() - 50);
	put(f, text);
	assert_int_equal(mf_runs_count(&f->ctx, &at), 0);
	assert_int_equal(mf_runs_uncount(&f->ctx, at), 0);
	assert_int_equal(mf_runs_wait(&f->ctx, 3), 0);
	assert_uint_in_range(mf_runs_wait(&f->ctx, 2), 3495, 3500);
	/* one that is not in the file any more */
	assert_int_equal(mf_runs_uncount(&f->ctx, at + 7), 0);
	assert_uint_in_range(mf_runs_wait(&f->ctx, 2), 3495, 3500);
}

static void only_the_last_hour_counts(void **state)
{
	struct root *f = *state;
	char text[128];

	snprintf(text, sizeof(text), "%lld\n%lld\n%lld\n", now() - 3601, now() - 100, now() + 1000);
	put(f, text);
	assert_int_equal(mf_runs_wait(&f->ctx, 2), 0);
	assert_uint_in_range(mf_runs_wait(&f->ctx, 1), 3495, 3500);
	snprintf(text, sizeof(text), "x\n\n-1\n%lldx\n", now() - 10);
	put(f, text);
	assert_int_equal(mf_runs_wait(&f->ctx, 1), 0);
}

static void kernel_requests_get_half(void **state)
{
	struct root *f = *state;

	f->ctx.settings.max_transactions = 3;
	for (int i = 0; i < 2; i++) {
		assert_true(mf_runs_kernel_allowed(&f->ctx));
		assert_int_equal(mf_runs_count(&f->ctx, NULL), 0);
	}
	assert_false(mf_runs_kernel_allowed(&f->ctx));
	assert_int_equal(mf_runs_wait(&f->ctx, 3), 0);
}

static void the_size_of_the_file_is_limited(void **state)
{
	struct root *f = *state;
	_cleanup_free_ char *text = NULL;
	size_t len, lines = 0;
	FILE *out = open_memstream(&text, &len);

	for (int i = 0; i < 1024; i++)
		fprintf(out, "%lld\n", now() - 10);
	fclose(out);
	put(f, text);
	free(MF_STEAL(text));
	assert_int_equal(mf_runs_count(&f->ctx, NULL), 0);
	text = root_read(f, MF_RUNS_FILE);
	for (size_t i = 0; text[i]; i++)
		lines += text[i] == '\n';
	assert_int_equal(lines, 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(what_is_counted_before_it_begins_counts),
		ROOTED(only_one_run_is_taken_back),
		ROOTED(only_the_last_hour_counts),
		ROOTED(kernel_requests_get_half),
		ROOTED(the_size_of_the_file_is_limited),
	};

	return UNIT_RUN(tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The errors of mf_pack() before its first change; the Python tests of tests/pack test the rest. */
#include "tests/unit.h"
#include "tests/packs.h"

static int pack_with(struct packs *p, const struct mf_pack_options *options)
{
	struct mf_pack_result result = { .modules = 77 };
	int r = mf_pack(&p->ctx, options, &result);

	assert_int_equal(result.modules, 77); /* untouched on failure */
	return r;
}

static void options_that_contradict_are_usage(void **state)
{
	struct packs *p = packs_new();
	struct mf_strings none = { 0 }, one = { 0 }, two = { 0 };
	char repo[128];

	snprintf(repo, sizeof(repo), "%s/repo", p->dir);
	mf_strings_add(&one, "/nonexistent/6.1");
	mf_strings_add(&two, "/nonexistent/6.1");
	mf_strings_add(&two, "/nonexistent/6.2");
	assert_int_equal(pack_with(p, &(struct mf_pack_options){ .trees = &none, .output = repo }),
			 -MFE_USAGE);
	assert_int_equal(pack_with(p, &(struct mf_pack_options){ .trees = &one }), -MFE_USAGE);
	assert_int_equal(
		pack_with(p,
			  &(struct mf_pack_options){ .trees = &one, .output = repo, .key = "k" }),
		-MFE_USAGE);
	assert_int_equal(
		pack_with(p,
			  &(struct mf_pack_options){ .trees = &one, .output = repo, .cert = "c" }),
		-MFE_USAGE);
	assert_int_equal(pack_with(p, &(struct mf_pack_options){ .trees = &two,
								 .output = repo,
								 .config = "c" }),
			 -MFE_USAGE);
	assert_int_equal(access(repo, F_OK), -1);
	assert_int_equal(pack_with(p, &(struct mf_pack_options){ .trees = &one, .output = repo }),
			 -ENOENT);
	assert_string_equal(p->ctx.failure.what, "/nonexistent/6.1");
	mf_strings_done(&one);
	mf_strings_done(&two);
	packs_free(p);
}

static void see(void *arg, const char *step, size_t done, size_t n)
{
	size_t *calls = arg;

	assert_string_equal(step, "building");
	assert_uint_in_range(done, 0, n);
	++*calls;
}

static void progress_is_told_seldom_and_at_the_end(void **state)
{
	struct packs *p = packs_new();
	size_t calls = 0;

	p->options.progress = see;
	p->options.progress_arg = &calls;
	for (size_t i = 1; i <= 100000; i++)
		pack_progress(&p->pack, "building", i, 100000);
	assert_uint_in_range(calls, 2, 30);
	packs_free(p);
}

static void a_problem_is_counted_and_goes_on(void **state)
{
	struct packs *p = packs_new();

	assert_int_equal(pack_problem(&p->pack, -MFE_BAD_MODULE, "x.ko", NULL), 0);
	assert_int_equal(pack_problem(&p->pack, -ENOENT, "x.ko", "because of %d", 7), 0);
	assert_int_equal(p->pack.result.problems, 2);
	packs_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(options_that_contradict_are_usage),
		UNIT(progress_is_told_seldom_and_at_the_end),
		UNIT(a_problem_is_counted_and_goes_on),
	};

	return UNIT_RUN(tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which plans are asked for, and for how long the answer counts. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/array.h"
#include "src/pipeline/confirm-step.h"

struct user {
	int answer;
	int asked;
};

static int on_question(void *arg, struct mf_context *ctx, const struct mf_run *run)
{
	struct user *user = arg;

	(void)run;
	user->asked++;
	return user->answer ? mf_fail(ctx, MF_STAGE_COMMAND, user->answer, "test", NULL) : 0;
}

/* A plan to install N packages of BYTES each and to remove the package REMOVED, if any. */
static void make_plan(struct mf_run *run, size_t n, uint64_t bytes, const char *removed)
{
	mf_plan_done(&run->plan);
	run->plan = (struct mf_plan){ .items = calloc(n + 1, sizeof(*run->plan.items)) };
	assert_non_null(run->plan.items);
	for (size_t i = 0; i < n; i++) {
		struct mf_plan_item *item = &run->plan.items[run->plan.n++];

		item->name = mf_format("driver%zu-kmp", i);
		item->evr = strdup("1-1");
		item->arch = strdup("x86_64");
		item->size = bytes;
		run->plan.download += bytes;
	}
	if (removed)
		assert_true(mf_strings_add(&run->plan.removed, removed) >= 0);
}

static void only_large_plans_and_removals_are_asked_for(void **state)
{
	static const struct {
		size_t n;
		uint64_t bytes;
		const char *removed;
		bool always;
		int expected;
	} cases[] = {
		{ 1, 1000, NULL, false, 0 },
		{ MF_CONFIRM_PACKAGES, 1000, NULL, false, 0 },
		{ MF_CONFIRM_PACKAGES + 1, 1000, NULL, false, -MFE_NOT_CONFIRMED },
		{ 1, MF_CONFIRM_BYTES, NULL, false, 0 },
		{ 1, MF_CONFIRM_BYTES + 1, NULL, false, -MFE_NOT_CONFIRMED },
		{ 0, 0, "old-1-1.x86_64", false, -MFE_NOT_CONFIRMED },
		{ 1, 1000, NULL, true, -MFE_NOT_CONFIRMED },
	};
	struct root *r = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		_cleanup_(mf_run_done) struct mf_run run = { .verb = "install" };

		make_plan(&run, cases[i].n, cases[i].bytes, cases[i].removed);
		run.confirm_always = cases[i].always;
		/* without a user there is nothing to ask */
		assert_int_equal(mf_confirm_step(&r->ctx, &run), 0);
		run.confirm = on_question;
		assert_int_equal(mf_confirm_step(&r->ctx, &run), cases[i].expected);
	}
}

static void an_answer_counts_for_a_part_of_the_plan_and_for_nothing_else(void **state)
{
	struct root *r = *state;
	struct user user = { 0 };
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "install",
						     .confirm = on_question,
						     .confirm_arg = &user };

	make_plan(&run, 30, 1000, "old-1-1.x86_64");
	assert_int_equal(mf_confirm_ask(&r->ctx, &run), 0);
	assert_int_equal(mf_confirm_step(&r->ctx, &run), 0);
	make_plan(&run, 29, 1000, "old-1-1.x86_64");
	assert_int_equal(mf_confirm_step(&r->ctx, &run), 0);
	make_plan(&run, 31, 1000, "old-1-1.x86_64");
	assert_int_equal(mf_confirm_step(&r->ctx, &run), -MFE_NOT_CONFIRMED);
	make_plan(&run, 30, 1000, "older-1-1.x86_64");
	assert_int_equal(mf_confirm_step(&r->ctx, &run), -MFE_NOT_CONFIRMED);
	/* to install a package is no consent to remove it */
	make_plan(&run, 30, 1000, "driver0-kmp-1-1.x86_64");
	assert_int_equal(mf_confirm_step(&r->ctx, &run), -MFE_NOT_CONFIRMED);
	assert_int_equal(user.asked, 1);
}

static void a_no_is_not_kept_as_a_yes(void **state)
{
	struct root *r = *state;
	struct user user = { .answer = -MFE_NOT_CONFIRMED };
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "remove",
						     .confirm = on_question,
						     .confirm_arg = &user };

	make_plan(&run, 0, 0, "old-1-1.x86_64");
	assert_int_equal(mf_confirm_ask(&r->ctx, &run), -MFE_NOT_CONFIRMED);
	assert_int_equal(r->ctx.failure.code, -MFE_NOT_CONFIRMED);
	assert_int_equal(mf_confirm_step(&r->ctx, &run), -MFE_NOT_CONFIRMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(only_large_plans_and_removals_are_asked_for),
		ROOTED(an_answer_counts_for_a_part_of_the_plan_and_for_nothing_else),
		ROOTED(a_no_is_not_kept_as_a_yes),
	};

	return UNIT_RUN(tests);
}

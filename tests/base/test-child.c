/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The results that a child process passes to its parent, and the ones it does not. */
#include "tests/unit.h"
#include "tests/root.h"
#include <signal.h>
#include "modfetch/process.h"

static int succeed(struct mf_context *ctx, void *arg)
{
	*(int *)arg = 99;
	return 7;
}

static int refuse(struct mf_context *ctx, void *arg)
{
	return mf_fail(ctx, MF_STAGE_LOAD, -MFE_INSTALL, "a package", "for %s", (const char *)arg);
}

static int leave(struct mf_context *ctx, void *arg)
{
	exit(*(int *)arg);
}

static int crash(struct mf_context *ctx, void *arg)
{
	/* no core file and no report of a sanitizer: the process is killed */
	kill(getpid(), SIGKILL);
	return 0;
}

static void its_answer_comes_back_and_nothing_else(void **state)
{
	struct root *r = *state;
	int value = 1;

	assert_int_equal(mf_child_run(&r->ctx, MF_STAGE_VERIFY, succeed, &value), 7);
	assert_int_equal(value, 1);
	assert_int_equal(r->ctx.failure.code, 0);
}

static void its_failure_is_recorded_here(void **state)
{
	struct root *r = *state;

	assert_int_equal(mf_child_run(&r->ctx, MF_STAGE_VERIFY, refuse, (void *)"a reason"),
			 -MFE_INSTALL);
	assert_int_equal(r->ctx.failure.code, -MFE_INSTALL);
	assert_int_equal(r->ctx.failure.stage, MF_STAGE_LOAD);
	assert_string_equal(r->ctx.failure.why, "for a reason");
}

static void one_that_says_nothing_has_failed(void **state)
{
	struct root *r = *state;
	int status = 3;

	assert_int_equal(mf_child_run(&r->ctx, MF_STAGE_VERIFY, leave, &status), -ECHILD);
	assert_non_null(strstr(r->ctx.failure.why, "status 3"));
	status = 0;
	assert_int_equal(mf_child_run(&r->ctx, MF_STAGE_VERIFY, leave, &status), -ECHILD);
	assert_int_equal(mf_child_run(&r->ctx, MF_STAGE_VERIFY, crash, NULL), -ECHILD);
	assert_non_null(strstr(r->ctx.failure.why, "signal 9"));
	assert_int_equal(r->ctx.failure.stage, MF_STAGE_VERIFY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(its_answer_comes_back_and_nothing_else),
		ROOTED(its_failure_is_recorded_here),
		ROOTED(one_that_says_nothing_has_failed),
	};

	return UNIT_RUN(tests);
}

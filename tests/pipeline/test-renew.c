/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a run fetches metadata, and that it does so once. The results: tests/road/alone.py. */
#include "tests/unit.h"
#include "tests/root.h"
#include "src/pipeline/renew.h"

static void dead_repository(struct root *r)
{
	root_write(r, "etc/modfetch/repos.d/t.repo",
		   "[t]\nbaseurl=file:///nonexistent\ntrust=none\n");
}

static void without_a_repository_nothing_is_fetched(void **state)
{
	struct root *r = *state;
	struct mf_run run = { 0 };

	assert_int_equal(mf_renew_open(&r->ctx, &run), -MFE_NO_REPOSITORY);
	assert_false(run.metadata_asked);
}

static void missing_metadata_is_fetched_once(void **state)
{
	struct root *r = *state;
	struct mf_run run = { 0 };

	dead_repository(r);
	assert_int_equal(mf_renew_open(&r->ctx, &run), -MFE_UNREACHABLE);
	assert_true(run.metadata_asked);
	assert_false(run.refreshed);
	assert_int_equal(mf_renew_open(&r->ctx, &run), -MFE_NO_METADATA);
	assert_null(run.catalog);
}

static void a_dry_run_fetches_nothing(void **state)
{
	struct root *r = *state;
	struct mf_run run = { .dry_run = true };

	dead_repository(r);
	assert_int_equal(mf_renew_open(&r->ctx, &run), -MFE_NO_METADATA);
	assert_false(mf_renew_after(&r->ctx, &run, -MFE_STALE));
	assert_false(run.metadata_asked);
}

static void a_failure_fetches_it_once_and_stays_on_record(void **state)
{
	struct root *r = *state;
	struct mf_run run = { 0 };

	dead_repository(r);
	mf_fail(&r->ctx, MF_STAGE_VERIFY, -MFE_STALE, "t", NULL);
	assert_false(mf_renew_after(&r->ctx, &run, -MFE_STALE));
	assert_true(run.metadata_asked);
	assert_int_equal(r->ctx.failure.code, -MFE_STALE);
	run.metadata_asked = true;
	assert_false(mf_renew_after(&r->ctx, &run, -MFE_STALE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(without_a_repository_nothing_is_fetched),
		ROOTED(missing_metadata_is_fetched_once),
		ROOTED(a_dry_run_fetches_nothing),
		ROOTED(a_failure_fetches_it_once_and_stays_on_record),
	};

	return UNIT_RUN(tests);
}

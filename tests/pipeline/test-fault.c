/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cause of a failure, and the transient ones. */
#include "tests/unit.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "modfetch/array.h"
#include "modfetch/pipeline.h"

/* clang-format off */
static const struct {
	int code;
	bool transient, of_repository, only_waited, of_package;
} cases[] = {
	{ -MFE_UNREACHABLE,	true,  true,  true,  false },
	{ -MFE_PORTAL,		true,  true,  true,  false },
	{ -MFE_STALE,		true,  true,  true,  false },
	{ -MFE_HTTP_STATUS,	true,  true,  false, false },
	{ -MFE_TIMEOUT,		true,  true,  false, false },
	{ -MFE_TRUNCATED,	true,  true,  false, false },
	{ -MFE_NO_METADATA,	true,  false, true,  false },
	{ -MFE_LOCKED,		true,  false, true,  false },
	{ -ENOMEM,		true,  false, false, false },
	{ -MFE_BAD_DIGEST,	false, false, false, true },
	{ -MFE_UNSOLVABLE,	false, false, false, true },
	{ -MFE_FILE_EXISTS,	false, false, false, true },
	{ -MFE_MISPLACED,	false, false, false, true },
	{ -MFE_BAD_SIGNATURE,	false, false, false, false },
	{ -MFE_NO_REPOSITORY,	false, false, false, false },
	{ -ENOSPC,		false, false, false, false },
	{ 0,			false, false, false, false },
	{ 1,			false, false, false, false },
};
/* clang-format on */

static void failures_are_classified(void **state)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		int code = cases[i].code;

		assert_int_equal(mf_fault_is_transient(code), cases[i].transient);
		assert_int_equal(mf_fault_is_of_repository(code), cases[i].of_repository);
		assert_int_equal(mf_fault_only_waited(code), cases[i].only_waited);
		assert_int_equal(mf_fault_is_of_package(code), cases[i].of_package);
	}
}

/* The second of three packages failed, of repository 1; SAME: the others are of it, too. */
static enum mf_fault fault_of(int code, bool absent, bool same)
{
	struct mf_plan_item items[3] = { { .repo = same }, { .repo = 1 }, { .repo = same } };
	struct mf_fetched fetched[3] = { { .fd = -1 },
					 { .fd = -1, .code = code, .absent = absent },
					 { .fd = -1 } };
	struct mf_run run = { .plan = { .items = items, .n = 3 }, .fault_repo = 7 };

	assert_int_equal(mf_fault_set_from_fetch(&run, fetched, code), code);
	assert_int_equal(run.fault_repo, run.fault == MF_FAULT_PACKAGE ? 1 : 7);
	return run.fault;
}

static void a_failed_download_has_a_cause(void **state)
{
	assert_int_equal(fault_of(-MFE_HTTP_STATUS, true, true), MF_FAULT_PACKAGE);
	assert_int_equal(fault_of(-MFE_BAD_DIGEST, false, true), MF_FAULT_PACKAGE);
	assert_int_equal(fault_of(-MFE_TOO_LARGE, false, false), MF_FAULT_PACKAGE);
	assert_int_equal(fault_of(-MFE_HTTP_STATUS, false, false), MF_FAULT_REPOSITORY);
	assert_int_equal(fault_of(-MFE_PORTAL, false, false), MF_FAULT_PACKAGE);
	assert_int_equal(fault_of(-MFE_UNREACHABLE, false, false), MF_FAULT_REPOSITORY);
	/* if all packages are of that repository, a smaller run would fail as well */
	assert_int_equal(fault_of(-MFE_UNREACHABLE, false, true), MF_FAULT_NONE);
	assert_int_equal(fault_of(-EIO, false, false), MF_FAULT_NONE);
}

static void what_is_on_this_machine_may_do_without_the_repository(void **state)
{
	struct mf_plan_item items[2] = { { .taken_from = MF_TAKEN_FROM_STORE }, { .repo = 0 } };
	struct mf_fetched fetched[2] = { { .fd = -1 }, { .fd = -1, .code = -MFE_UNREACHABLE } };
	struct mf_run run = { .plan = { .items = items, .n = 2 } };

	assert_int_equal(mf_fault_set_from_fetch(&run, fetched, -MFE_UNREACHABLE),
			 -MFE_UNREACHABLE);
	assert_int_equal(run.fault, MF_FAULT_REPOSITORY);
}

static void without_a_failed_request_there_is_no_fault(void **state)
{
	struct mf_plan_item item = { .repo = 0 };
	struct mf_fetched fetched = { .fd = -1 };
	struct mf_run run = { .plan = { .items = &item, .n = 1 } };

	assert_int_equal(mf_fault_set_from_fetch(&run, &fetched, -MFE_TIMEOUT), -MFE_TIMEOUT);
	assert_int_equal(run.fault, MF_FAULT_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(failures_are_classified),
		UNIT(a_failed_download_has_a_cause),
		UNIT(what_is_on_this_machine_may_do_without_the_repository),
		UNIT(without_a_failed_request_there_is_no_fault),
	};

	return UNIT_RUN(tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whose fault a failure is, and which ones pass. */
#include "tests/unit.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "modfetch/pipeline.h"

/* clang-format off */
static const struct {
	int code;
	bool passes, of_repository, waits, spoils;
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
	{ -MFE_BAD_SIGNATURE,	false, false, false, false },
	{ -MFE_NO_REPOSITORY,	false, false, false, false },
	{ -ENOSPC,		false, false, false, false },
	{ 0,			false, false, false, false },
	{ 1,			false, false, false, false },
};
/* clang-format on */

static void failures_are_sorted(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int code = cases[i].code;

		assert_int_equal(mf_fault_is_transient(code), cases[i].passes);
		assert_int_equal(mf_fault_is_of_repository(code), cases[i].of_repository);
		assert_int_equal(mf_fault_only_waited(code), cases[i].waits);
		assert_int_equal(mf_fault_is_of_package(code), cases[i].spoils);
	}
}

/* Of three packages the second failed, of repository 1; SAME: the others are of it as well. */
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

static void a_download_that_fails_is_somebodys_fault(void **state)
{
	assert_int_equal(fault_of(-MFE_HTTP_STATUS, true, true), MF_FAULT_PACKAGE);
	assert_int_equal(fault_of(-MFE_BAD_DIGEST, false, true), MF_FAULT_PACKAGE);
	assert_int_equal(fault_of(-MFE_TOO_LARGE, false, false), MF_FAULT_PACKAGE);
	assert_int_equal(fault_of(-MFE_HTTP_STATUS, false, false), MF_FAULT_REPOSITORY);
	assert_int_equal(fault_of(-MFE_PORTAL, false, false), MF_FAULT_PACKAGE);
	assert_int_equal(fault_of(-MFE_UNREACHABLE, false, false), MF_FAULT_REPOSITORY);
	/* where all is of that repository nothing could go on */
	assert_int_equal(fault_of(-MFE_UNREACHABLE, false, true), MF_FAULT_NONE);
	assert_int_equal(fault_of(-EIO, false, false), MF_FAULT_NONE);
}

static void what_no_request_failed_for_is_nobodys_fault(void **state)
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
		UNIT(failures_are_sorted),
		UNIT(a_download_that_fails_is_somebodys_fault),
		UNIT(what_no_request_failed_for_is_nobodys_fault),
	};

	return UNIT_RUN(tests);
}

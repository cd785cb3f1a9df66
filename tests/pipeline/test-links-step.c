/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pipeline's use of links where nothing is to be linked, or all went wrong. The rest:
 * tests/road/weak.py.
 */
#include "tests/unit.h"
#include "tests/root.h"
#include "src/pipeline/links-step.h"
#include "modfetch/error.h"

#define LEDGER "var/lib/modfetch/links"
#define LINK   "lib/modules/" KERNEL "/weak-updates/x.ko"

static void names_that_nobody_knows_change_nothing(void **state)
{
	struct root *r = *state;
	struct mf_run run = { .verb = "probe" };
	struct mf_want want;

	assert_int_equal(mf_want_init(&r->ctx, "nosuch", NULL, &want), 0);
	want.state = MF_UNKNOWN;
	assert_int_equal(mf_wants_add(&run.wants, &want), 0);
	/* one kernel, and then two */
	assert_int_equal(mf_links_step_wants(&r->ctx, &run), 0);
	root_write(r, "lib/modules/" KERNEL "/modules.order", "");
	root_write(r, "lib/modules/6.1.0-55-amd64/modules.order", "");
	assert_int_equal(mf_links_step_wants(&r->ctx, &run), 0);
	run.dry_run = true;
	assert_int_equal(mf_links_step_wants(&r->ctx, &run), 0);
	assert_int_equal(run.links.n, 0);
	assert_int_equal(run.wants.v[0].state, MF_UNKNOWN);
	assert_false(root_has(r, LEDGER));
	mf_run_done(&run);
}

static void after_a_failure_no_link_leads_nowhere_and_the_failure_stays(void **state)
{
	struct root *r = *state;

	root_write(r, "lib/modules/" KERNEL "/modules.order", "");
	root_mkdir(r, "lib/modules/" KERNEL "/weak-updates");
	root_link(r, "../../6.1.0-55-amd64/x.ko", LINK);
	root_write(r, LEDGER,
		   "modfetch links 1 pending\nl " KERNEL
		   " weak-updates/x.ko /lib/modules/6.1.0-55-amd64/x.ko p\n.\n");
	(void)mf_fail(&r->ctx, MF_STAGE_INSTALL, -MFE_BAD_DIGEST, "p", NULL);
	mf_links_step_undo(&r->ctx, NULL);
	assert_false(root_has(r, LINK));
	assert_false(root_has(r, LEDGER));
	assert_true(root_has(r, "lib/modules/" KERNEL "/modules.dep"));
	assert_int_equal(r->ctx.failure.code, -MFE_BAD_DIGEST);
}

static void a_ledger_that_cannot_be_read_is_no_failure_at_the_end(void **state)
{
	struct root *r = *state;

	root_mkdir(r, LEDGER);
	mf_links_step_settle(&r->ctx);
	assert_int_equal(r->ctx.failure.code, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(names_that_nobody_knows_change_nothing),
		ROOTED(after_a_failure_no_link_leads_nowhere_and_the_failure_stays),
		ROOTED(a_ledger_that_cannot_be_read_is_no_failure_at_the_end),
	};

	return UNIT_RUN(tests);
}

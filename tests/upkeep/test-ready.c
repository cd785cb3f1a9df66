/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which needs are gaps, without a repository; tests/road/update.py has repositories. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/asked.h"
#include "modfetch/depmod.h"
#include "modfetch/upkeep.h"
#include "src/upkeep/judge.h"

#define TREE "lib/modules/" KERNEL

/* The code of the gap of a driver; 0: there is none. */
static int code_of(const struct mf_gaps *gaps, const char *driver)
{
	for (size_t i = 0; i < gaps->n; i++)
		if (!strcmp(gaps->v[i].driver, driver))
			return gaps->v[i].code;
	return 0;
}

/* A kernel with one module in it, which was asked for, and another one which is not there. */
static void asked_for(struct root *r)
{
	root_write(r, MF_ASKED_FILE, "name loop 2026-11-29\nname xfs 2026-11-29\n");
	root_write(r, TREE "/modules.builtin", "kernel/loop.ko\n");
	root_write(r, TREE "/modules.order", "");
	assert_int_equal(mf_depmod(&r->ctx, &(struct mf_depmod_options){ 0 }, NULL), 0);
}

static void a_name_that_nobody_has_is_a_gap_with_its_reason(void **state)
{
	struct root *r = *state;
	struct mf_gaps gaps = { 0 };

	asked_for(r);
	root_write(r, "etc/fstab", "/dev/vdb /data nosuchfs\n");
	assert_int_equal(mf_ready(&r->ctx, &gaps), 0);
	assert_true(gaps.installed);
	assert_int_equal(gaps.checked, 3);
	assert_int_equal(gaps.n, 1);
	assert_string_equal(gaps.v[0].driver, "xfs");
	assert_string_equal(gaps.v[0].wanted, "it was asked for by name");
	assert_int_equal(gaps.v[0].code, -MFE_NO_REPOSITORY);
	assert_non_null(strstr(gaps.v[0].lacks, "no repository can be asked"));
	/* the failure of the plan is not one of the answer */
	assert_int_equal(r->ctx.failure.code, 0);
	mf_gaps_done(&gaps);
}

static void a_refused_name_is_no_gap(void **state)
{
	struct root *r = *state;
	struct mf_gaps gaps = { 0 };

	asked_for(r);
	root_write(r, "etc/modprobe.d/x.conf", "install xfs /bin/false\n");
	assert_int_equal(mf_ready(&r->ctx, &gaps), 0);
	assert_int_equal(gaps.n, 0);
	mf_gaps_done(&gaps);
}

static void missing_indexes_are_gaps(void **state)
{
	struct root *r = *state;
	struct mf_gaps gaps = { 0 };

	asked_for(r);
	assert_int_equal(unlinkat(r->fd, TREE "/modules.dep.bin", 0), 0);
	assert_int_equal(mf_ready(&r->ctx, &gaps), 0);
	assert_int_equal(code_of(&gaps, "modules.dep.bin"), -MFE_DEPMOD);
	assert_int_equal(code_of(&gaps, "modules.alias.bin"), 0);
	mf_gaps_done(&gaps);
	/* a kernel that is not installed needs none */
	assert_int_equal(unlinkat(r->fd, TREE "/modules.order", 0), 0);
	assert_int_equal(unlinkat(r->fd, TREE "/modules.builtin", 0), 0);
	assert_int_equal(mf_ready(&r->ctx, &gaps), 0);
	assert_false(gaps.installed);
	assert_int_equal(code_of(&gaps, "modules.dep.bin"), 0);
	mf_gaps_done(&gaps);
}

static void a_driver_is_one_gap(void **state)
{
	struct mf_gaps gaps = { 0 };

	(void)state;
	assert_int_equal(upkeep_gaps_add(&gaps, "xfs", "a", "b", -MFE_NOT_READY), 0);
	assert_int_equal(upkeep_gaps_add(&gaps, "xfs", "c", "d", -MFE_NOT_FOUND), 0);
	assert_int_equal(upkeep_gaps_add(&gaps, "ext4", "a", "b", -MFE_NOT_READY), 0);
	assert_int_equal(gaps.n, 2);
	assert_string_equal(gaps.v[0].wanted, "a");
	mf_gaps_done(&gaps);
	assert_int_equal(gaps.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_name_that_nobody_has_is_a_gap_with_its_reason),
		ROOTED(a_refused_name_is_no_gap),
		ROOTED(missing_indexes_are_gaps),
		UNIT(a_driver_is_one_gap),
	};

	return UNIT_RUN(tests);
}

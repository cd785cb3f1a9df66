/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What of a run is remembered, and what is not. */
#include "tests/unit.h"
#include "tests/root.h"
#include <time.h>
#include "modfetch/asked.h"
#include "src/pipeline/asked-step.h"

#define NIC "pci:v00008086d000010D3sv00008086sd0000A01Fbc02sc00i00"

/* A run for one want. */
static struct mf_run run_for(struct root *r, const char *verb, const char *query,
			     const char *syspath, enum mf_state outcome)
{
	struct mf_run run = { .verb = verb };
	struct mf_want want;

	assert_int_equal(mf_want_init(&r->ctx, query, syspath, &want), 0);
	want.state = outcome;
	assert_int_equal(mf_wants_add(&run.wants, &want), 0);
	return run;
}

/* The ledger has exactly this entry, with the day of today; NULL: there is no file. */
static void assert_asked(struct root *r, const char *entry)
{
	_cleanup_free_ char *text = NULL;
	char line[256], day[32];
	time_t now = time(NULL);
	struct tm tm;

	if (!entry) {
		assert_false(root_has(r, MF_ASKED_FILE));
		return;
	}
	gmtime_r(&now, &tm);
	strftime(day, sizeof(day), "%Y-%m-%d", &tm);
	snprintf(line, sizeof(line), "%s %s\n", entry, day);
	text = root_read(r, MF_ASKED_FILE);
	assert_string_equal(text, line);
	assert_int_equal(unlinkat(r->fd, MF_ASKED_FILE, 0), 0);
}

static void a_name_is_remembered_if_an_admin_typed_it_and_it_is_there(void **state)
{
	static const struct {
		const char *verb, *query, *syspath;
		enum mf_state outcome;
		int result;
		bool unattended;
		const char *entry;
	} cases[] = {
		{ "probe", "xfs", NULL, MF_AVAILABLE, 0, false, "name xfs" },
		{ "probe", "xfs", NULL, MF_PRESENT, 1, false, "name xfs" },
		{ "probe", "xfs", NULL, MF_UNKNOWN, 1, false, NULL },
		{ "probe", "xfs", NULL, MF_DENIED, 1, false, NULL },
		{ "probe", "xfs", NULL, MF_AVAILABLE, -MFE_UNREACHABLE, false, NULL },
		{ "probe", "xfs", NULL, MF_AVAILABLE, 0, true, NULL },
		{ "queue", "xfs", NULL, MF_AVAILABLE, 0, false, NULL },
		{ "probe", "xfs", "/sys/devices/x", MF_AVAILABLE, 0, false, NULL },
		{ "probe", "symbol:printk", NULL, MF_AVAILABLE, 0, false, NULL },
		{ "kernel-added", "xfs", NULL, MF_AVAILABLE, 0, false, NULL },
	};
	struct root *r = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct mf_run run = run_for(r, cases[i].verb, cases[i].query, cases[i].syspath,
					    cases[i].outcome);

		r->ctx.unattended = cases[i].unattended;
		mf_asked_step(&r->ctx, &run, cases[i].result);
		assert_asked(r, cases[i].entry);
		mf_run_done(&run);
	}
}

static void a_device_is_remembered_unless_it_is_refused(void **state)
{
	static const struct {
		const char *verb, *syspath;
		enum mf_state outcome;
		int result;
		bool remembered;
	} cases[] = {
		{ "queue", "/sys/devices/x", MF_AVAILABLE, 0, true },
		{ "queue", "/sys/devices/x", MF_UNKNOWN, 1, true },
		{ "queue", "/sys/devices/x", MF_AVAILABLE, -MFE_UNREACHABLE, true },
		{ "coldplug", "/sys/devices/x", MF_PRESENT, 1, true },
		{ "queue", "/sys/devices/x", MF_DENIED, 1, false },
		{ "coldplug", "/tmp/recorded/devices/x", MF_AVAILABLE, 0, false },
		{ "coldplug", NULL, MF_AVAILABLE, 0, false },
		{ "check", "/sys/devices/x", MF_AVAILABLE, 0, false },
		{ "kernel-added", "/sys/devices/x", MF_AVAILABLE, 0, false },
	};
	struct root *r = *state;

	r->ctx.unattended = true;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct mf_run run =
			run_for(r, cases[i].verb, NIC, cases[i].syspath, cases[i].outcome);

		mf_asked_step(&r->ctx, &run, cases[i].result);
		assert_asked(r, cases[i].remembered ? "device " NIC : NULL);
		mf_run_done(&run);
	}
}

static void installed_names_are_remembered_until_they_are_removed(void **state)
{
	static char package[] = "xfs-kmp-" TAG, image[] = "kernel-amd64-image-6.1.0_57";
	static char *names[] = { package, image, NULL };
	const struct mf_strings list = { names, 2, 0 };
	struct mf_run run = { .verb = "install", .selection.install = &list };
	_cleanup_free_ char *text = NULL;
	struct root *r = *state;

	r->ctx.unattended = true;
	mf_asked_step(&r->ctx, &run, 0);
	assert_asked(r, NULL);
	r->ctx.unattended = false;
	mf_asked_step(&r->ctx, &run, -MFE_UNREACHABLE);
	assert_asked(r, NULL);
	mf_asked_step(&r->ctx, &run, 1);
	assert_asked(r, "package xfs-kmp");

	mf_asked_step(&r->ctx, &run, 0);
	run = (struct mf_run){ .verb = "kernel-removed", .selection.remove = &list };
	mf_asked_step(&r->ctx, &run, 0);
	run.verb = "remove";
	mf_asked_step(&r->ctx, &run, -MFE_LOCKED);
	assert_asked(r, "package xfs-kmp");
	root_write(r, MF_ASKED_FILE, "name xfs 2026-11-29\npackage xfs-kmp 2026-11-29\n");
	mf_asked_step(&r->ctx, &run, 0);
	text = root_read(r, MF_ASKED_FILE);
	assert_string_equal(text, "");
}

static void a_ledger_that_cannot_be_written_is_no_failure(void **state)
{
	struct root *r = *state;
	struct mf_run run = run_for(r, "probe", "xfs", NULL, MF_PRESENT);

	root_mkdir(r, MF_ASKED_FILE);
	(void)mf_fail(&r->ctx, MF_STAGE_LOAD, -MFE_LOAD, "xfs", NULL);
	mf_asked_step(&r->ctx, &run, 0);
	assert_int_equal(r->ctx.failure.code, -MFE_LOAD);
	mf_run_done(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_name_is_remembered_if_an_admin_typed_it_and_it_is_there),
		ROOTED(a_device_is_remembered_unless_it_is_refused),
		ROOTED(installed_names_are_remembered_until_they_are_removed),
		ROOTED(a_ledger_that_cannot_be_written_is_no_failure),
	};

	return UNIT_RUN(tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lines that an unattended run leaves: one for each device that got a driver, and one for the run. */
#include "tests/unit.h"
#include "tests/root.h"
#include <sys/mman.h>
#include "modfetch/pipeline.h"

#define NIC    "pci:v00008086d000010D3sv00008086sd0000A01Fbc02sc00i00"
#define BRIDGE "pci:v00008086d00001237sv00000000sd00000000bc06sc00i00"
#define OTHER  "pci:v00008086d00001238sv00000000sd00000000bc02sc80i00"

static void add_want(struct root *root, struct mf_run *run, const char *query, const char *syspath)
{
	struct mf_want want;

	assert_int_equal(mf_want_init(&root->ctx, query, syspath, &want), 0);
	want.device = syspath != NULL;
	want.state = MF_UNKNOWN;
	assert_int_equal(mf_wants_add(&run->wants, &want), 0);
}

static struct mf_match *add_match(struct mf_want *want, const char *module, const char *package)
{
	struct mf_match *match = mf_want_add(want, module, NULL);

	assert_non_null(match);
	want->state = MF_AVAILABLE;
	if (package)
		assert_int_equal(mf_strings_add(&match->packages, package), 0);
	return match;
}

/* What the report of the run prints, new memory. */
static char *report(struct root *root, const struct mf_run *run)
{
	int file = memfd_create("stderr", MFD_CLOEXEC), saved = dup(STDERR_FILENO);
	char *text = NULL;
	size_t len;

	root->ctx.log_level = MF_LOG_INFO;
	assert_true(file >= 0 && saved >= 0 && dup2(file, STDERR_FILENO) >= 0);
	mf_report_run(&root->ctx, run);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	assert_int_equal(mf_file_read(file, 1 << 20, &text, &len), 0);
	close(file);
	return text;
}

static int journal_is_absent(void)
{
	if (faccessat(AT_FDCWD, "/run/systemd/journal/socket", F_OK, 0))
		return 1;
	print_message("skipped: the lines would go to the journal of this machine\n");
	return 0;
}

static void devices_that_got_nothing_are_only_counted(void **state)
{
	struct root *root = *state;
	struct mf_run run = { .verb = "queue" };
	char *text;

	if (!journal_is_absent())
		return;
	run.stamp[MF_STARTED] = mf_now_us();
	add_want(root, &run, BRIDGE, "/sys/devices/a");
	add_want(root, &run, OTHER, "/sys/devices/b");
	add_want(root, &run, NIC, "/sys/devices/c");
	run.wants.v[2].state = MF_DENIED;
	text = report(root, &run);
	/* a bridge needs no driver */
	assert_string_equal(text, "modfetch: queue: 3 devices: 0 drivers installed, 1 not found, 1 "
				  "denied, in 0.0 s\n");
	free(text);
	mf_wants_done(&run.wants);
}

static void a_device_has_its_name_its_modules_and_its_time(void **state)
{
	struct root *root = *state;
	struct mf_plan_item items[] = { { .name = (char *)"e1000e-kmp" },
					{ .name = (char *)"ptp-kmp" } };
	struct mf_run run = { .verb = "queue",
			      .plan = { .items = items, .n = 2, .download = 2100000 } };
	char *text;

	if (!journal_is_absent())
		return;
	root_write(root, "usr/share/misc/pci.ids",
		   "8086  Intel Corporation\n\t10d3  82574L Gigabit\033[31m\n");
	run.stamp[MF_STARTED] = mf_now_us();
	run.stamp[MF_BOUND] = run.stamp[MF_STARTED] + 1200000;
	add_want(root, &run, NIC, "/sys/devices/c");
	add_match(&run.wants.v[0], "e1000e", "e1000e-kmp");
	add_match(&run.wants.v[0], "e1000", NULL);
	assert_int_equal(mf_strings_add(&run.wants.v[0].loaded, "e1000e"), 0);
	/* another device, whose driver was on disk and is loaded now */
	add_want(root, &run, OTHER, "/sys/devices/d");
	add_match(&run.wants.v[1], "iwlwifi", "iwlwifi-kmp");
	assert_int_equal(mf_strings_add(&run.wants.v[1].loaded, "iwlwifi"), 0);
	/* a name that user space asked for */
	add_want(root, &run, "fuse", NULL);
	text = report(root, &run);
	assert_string_equal(
		text, "modfetch: Intel 82574L Gigabit?[31m (pci 8086:10d3): e1000e installed and "
		      "loaded in 1.2 s\n"
		      "modfetch: Intel network controller (pci 8086:1238): iwlwifi loaded in 1.2 "
		      "s\n"
		      "modfetch: queue: 2 devices, 1 name: 1 driver installed (2 packages, 2.1 "
		      "MB), 1 not found, in 0.0 s\n");
	free(text);
	mf_wants_done(&run.wants);
}

static void devices_that_share_a_modalias_are_counted(void **state)
{
	struct root *root = *state;
	struct mf_run run = { .verb = "coldplug" };
	char *text;

	if (!journal_is_absent())
		return;
	run.stamp[MF_STARTED] = mf_now_us();
	add_want(root, &run, NIC, NULL);
	run.wants.v[0].device = true;
	assert_int_equal(mf_strings_add(&run.wants.v[0].devices, "/sys/devices/a"), 0);
	assert_int_equal(mf_strings_add(&run.wants.v[0].devices, "/sys/devices/b"), 0);
	/* a module that a udev rule loads for one of them */
	add_want(root, &run, "sg", "/sys/devices/b");
	text = report(root, &run);
	assert_true(mf_starts_with(text, "modfetch: coldplug: 2 devices: 0 drivers installed"));
	free(text);
	mf_wants_done(&run.wants);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(devices_that_got_nothing_are_only_counted),
		ROOTED(a_device_has_its_name_its_modules_and_its_time),
		ROOTED(devices_that_share_a_modalias_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Updates on trial, from boot to boot. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/trials.h"

#define BOOT_ID "proc/sys/kernel/random/boot_id"

static void boot(const struct root *r, const char *id)
{
	root_write(r, BOOT_ID, id);
	/* /run is empty */
	(void)unlinkat(r->fd, MF_TRIALS_BLACKLIST, 0);
	assert_int_equal(mf_trials_begin_boot((struct mf_context *)&r->ctx), 0);
}

static void add(struct root *r, const char *kernel, const char *name, const char *module)
{
	struct mf_trials trials = { 0 };
	struct mf_trial trial = {
		.kernel = strdup(kernel),
		.old_label = mf_format("%s-1-1.x86_64", name),
		.new_label = mf_format("%s-2-1.x86_64", name),
		.name = strdup(name),
		.evr = strdup("2-1"),
		.boot = strdup("one"),
	};

	assert_int_equal(mf_strings_add(&trial.modules, module), 0);
	assert_int_equal(mf_strings_add(&trial.devices, "/sys/devices/pci0000:00/x y"), 0);
	assert_int_equal(mf_trials_read(&r->ctx, &trials), 0);
	assert_int_equal(mf_trials_add(&trials, &trial), 0);
	assert_int_equal(mf_trials_write(&r->ctx, &trials), 0);
	mf_trials_done(&trials);
}

static struct mf_trials trials_of(struct root *r)
{
	struct mf_trials trials = { 0 };

	assert_int_equal(mf_trials_read(&r->ctx, &trials), 0);
	return trials;
}

static void a_trial_is_read_back_as_it_was_written(void **state)
{
	struct root *r = *state;
	struct mf_trials trials;

	root_write(r, BOOT_ID, "one\n");
	add(r, KERNEL, "igb-kmp", "igb");
	add(r, KERNEL, "e1000e-kmp", "e1000e");
	/* another update of the same package takes its place */
	add(r, KERNEL, "igb-kmp", "igb");
	add(r, "6.9", "igb-kmp", "igb");
	trials = trials_of(r);
	assert_int_equal(trials.n, 3);
	assert_string_equal(trials.v[0].name, "e1000e-kmp");
	assert_string_equal(trials.v[1].modules.v[0], "igb");
	assert_string_equal(trials.v[1].devices.v[0], "/sys/devices/pci0000:00/x y");
	assert_string_equal(trials.v[1].old_label, "igb-kmp-1-1.x86_64");
	assert_null(trials.v[1].begun);
	while (trials.n)
		mf_trials_drop(&trials, 0);
	assert_int_equal(mf_trials_write(&r->ctx, &trials), 0);
	assert_false(root_has(r, MF_TRIALS_FILE));
	mf_trials_done(&trials);
}

static void a_boot_that_went_down_blocks_the_module_in_the_next_one(void **state)
{
	struct root *r = *state;
	_cleanup_free_ char *blocked = NULL;
	struct mf_trials trials;

	root_write(r, BOOT_ID, "one\n");
	add(r, KERNEL, "igb-kmp", "igb");
	add(r, "6.9", "ixgbe-kmp", "ixgbe");
	/* the boot of the update has the old module */
	boot(r, "one\n");
	trials = trials_of(r);
	assert_null(trials.v[0].begun);
	mf_trials_done(&trials);

	boot(r, "two\n");
	trials = trials_of(r);
	assert_string_equal(trials.v[0].begun, "two");
	assert_null(trials.v[1].begun);
	assert_false(mf_trial_went_down(&r->ctx, &trials.v[0]));
	mf_trials_done(&trials);
	assert_false(root_has(r, MF_TRIALS_BLACKLIST));

	boot(r, "three\n");
	trials = trials_of(r);
	assert_true(mf_trial_went_down(&r->ctx, &trials.v[0]));
	assert_string_equal(trials.v[0].begun, "two");
	mf_trials_done(&trials);
	blocked = root_read(r, MF_TRIALS_BLACKLIST);
	assert_non_null(strstr(blocked, "\nblacklist igb\n"));
	assert_null(strstr(blocked, "ixgbe"));
	mf_trials_unblock(&r->ctx);
	assert_false(root_has(r, MF_TRIALS_BLACKLIST));
}

static void a_line_that_is_no_trial_counts_for_nothing(void **state)
{
	static const char whole[] =
		"{\"kernel\":\"" KERNEL
		"\",\"old\":\"a-1-1.x\",\"new\":\"a-2-1.x\",\"name\":\"a\",\"evr\":\"2-1\","
		"\"boot\":\"one\",\"begun\":\"one\",\"modules\":[\"%s\"],\"devices\":[]}\n";
	struct root *r = *state;
	_cleanup_free_ char *good = mf_format(whole, "igb");
	_cleanup_free_ char *forged = mf_format(whole, "igb\\ninstall igb /bin/sh");
	struct mf_trials trials;

	root_write(r, MF_TRIALS_FILE, "no json\n{\"kernel\":\"x\"}\n[1]\n");
	trials = trials_of(r);
	assert_int_equal(trials.n, 0);
	/* the names become lines for modprobe */
	root_write(r, MF_TRIALS_FILE, forged);
	trials = trials_of(r);
	assert_int_equal(trials.n, 0);
	root_write(r, MF_TRIALS_FILE, good);
	trials = trials_of(r);
	assert_int_equal(trials.n, 1);
	mf_trials_done(&trials);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_trial_is_read_back_as_it_was_written),
		ROOTED(a_boot_that_went_down_blocks_the_module_in_the_next_one),
		ROOTED(a_line_that_is_no_trial_counts_for_nothing),
	};

	return UNIT_RUN(tests);
}

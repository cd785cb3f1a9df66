/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which packaged drivers are in use, on a machine with one of them. */
#include "tests/unit.h"
#include <signal.h>
#include <sys/resource.h>
#include "tests/inspect/checked.h"
#include "modfetch/days.h"
#include "modfetch/usage.h"

#define LABEL "sound-kmp-1-1.x86_64"

/* The machine with its package, and the index that names its module. */
static struct machine *indexed(void **state)
{
	struct machine *m = installed(state);

	root_write(&m->root, in_kernel(m, "modules.dep"),
		   "kernel/fs/xfs/xfs.ko: kernel/lib/libcrc32c.ko\nupdates/soundcore.ko:\n");
	root_mkdir(&m->root, "sys/devices");
	root_write(&m->root, "proc/modules", "xfs 12 0 - Live 0x0\n");
	return m;
}

/* The module is loaded, with two drivers, to which three devices are bound. */
static void plug(struct machine *m)
{
	static const char *const links[][2] = {
		{ "../../../bus/pci/drivers/sound", "sys/module/soundcore/drivers/pci:sound" },
		{ "../../../bus/usb/drivers/sound2", "sys/module/soundcore/drivers/usb:sound2" },
		{ "../../../../devices/a", "sys/bus/pci/drivers/sound/0000:00:01.0" },
		{ "../../../../devices/b", "sys/bus/pci/drivers/sound/0000:00:02.0" },
		{ "../../../../module/soundcore", "sys/bus/pci/drivers/sound/module" },
		{ "../../../../devices/c", "sys/bus/usb/drivers/sound2/1-1" },
	};

	root_mkdir(&m->root, "sys/module/soundcore/drivers");
	root_write(&m->root, "sys/bus/pci/drivers/sound/bind", "");
	root_write(&m->root, "sys/bus/pci/drivers/sound/new_id", "");
	root_mkdir(&m->root, "sys/bus/usb/drivers/sound2");
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		root_link(&m->root, links[i][0], links[i][1]);
	root_write(&m->root, "proc/modules",
		   "xfs 12 0 - Live 0x0\nsoundcore 16384 1 snd, Live 0x0000000000000000\n");
}

static struct mf_usage read_usage(struct machine *m, bool write)
{
	struct mf_usage usage = { 0 };

	assert_int_equal(mf_usage_read(&m->root.ctx, write, &usage), 0);
	return usage;
}

static void a_driver_that_was_never_loaded_is_known_from_now_on(void **state)
{
	struct machine *m = indexed(state);
	struct mf_usage usage = read_usage(m, false);

	/* what is not packaged is not looked at */
	assert_int_equal(usage.n, 1);
	assert_string_equal(usage.v[0].module, "soundcore");
	assert_string_equal(usage.v[0].package, LABEL);
	assert_true(usage.here);
	assert_false(usage.v[0].hidden);
	assert_false(usage.v[0].loaded);
	assert_int_equal(usage.v[0].devices, 0);
	assert_int_equal(usage.v[0].first, mf_day_today());
	assert_int_equal(usage.v[0].last_loaded, -1);
	assert_int_equal(usage.v[0].last_bound, -1);
	mf_usage_done(&usage);
	assert_false(root_has(&m->root, MF_USAGE_FILE));
	usage = read_usage(m, true);
	mf_usage_done(&usage);
	assert_true(root_has(&m->root, MF_USAGE_FILE));
}

static void a_loaded_one_counts_its_devices(void **state)
{
	struct machine *m = indexed(state);
	struct mf_usage usage;

	plug(m);
	usage = read_usage(m, true);
	assert_true(usage.v[0].loaded);
	assert_int_equal(usage.v[0].devices, 3);
	assert_int_equal(usage.v[0].last_loaded, mf_day_today());
	assert_int_equal(usage.v[0].last_bound, mf_day_today());
	mf_usage_done(&usage);
	/* after it is gone, the ledger still knows */
	root_write(&m->root, "proc/modules", "");
	usage = read_usage(m, true);
	assert_false(usage.v[0].loaded);
	assert_int_equal(usage.v[0].devices, 0);
	assert_int_equal(usage.v[0].last_bound, mf_day_today());
	mf_usage_done(&usage);
}

static void the_days_of_before_stay(void **state)
{
	struct machine *m = indexed(state);
	struct mf_usage usage;
	char text[MF_DAY_TEXT];

	root_write(&m->root, MF_USAGE_FILE, "soundcore 2020-01-03 2020-01-05 2020-01-04\n");
	usage = read_usage(m, true);
	mf_day_format(usage.v[0].first, text);
	assert_string_equal(text, "2020-01-03");
	mf_day_format(usage.v[0].last_loaded, text);
	assert_string_equal(text, "2020-01-05");
	mf_day_format(usage.v[0].last_bound, text);
	assert_string_equal(text, "2020-01-04");
	mf_usage_done(&usage);
}

static void another_file_of_the_name_takes_its_place(void **state)
{
	struct machine *m = indexed(state);
	struct mf_usage usage;

	plug(m);
	root_write(&m->root, in_kernel(m, "modules.dep"), "extra/soundcore.ko:\n");
	usage = read_usage(m, true);
	assert_true(usage.v[0].hidden);
	assert_false(usage.v[0].loaded);
	assert_int_equal(usage.v[0].devices, 0);
	assert_int_equal(usage.v[0].first, -1);
	assert_int_equal(usage.v[0].last_loaded, -1);
	mf_usage_done(&usage);
	assert_false(root_has(&m->root, MF_USAGE_FILE));
}

static void of_another_machine_nothing_is_noted(void **state)
{
	struct machine *m = indexed(state);
	struct mf_usage usage;

	plug(m);
	assert_int_equal(mf_tree_remove(m->root.fd, "sys/devices"), 0);
	usage = read_usage(m, true);
	assert_int_equal(usage.n, 1);
	assert_false(usage.here);
	assert_false(usage.v[0].loaded);
	assert_int_equal(usage.v[0].first, -1);
	mf_usage_done(&usage);
	assert_false(root_has(&m->root, MF_USAGE_FILE));
	root_write(&m->root, MF_USAGE_FILE, "soundcore 2026-01-03 - -\n");
	mf_usage_note(&m->root.ctx);
	usage = read_usage(m, false);
	assert_int_equal(usage.v[0].last_loaded, -1);
	mf_usage_done(&usage);
}

static void the_boot_notes_what_the_ledger_has(void **state)
{
	struct machine *m = indexed(state);
	_cleanup_free_ char *text = NULL;
	char want[200], day[MF_DAY_TEXT];

	plug(m);
	/* without a ledger nothing is written */
	mf_usage_note(&m->root.ctx);
	assert_false(root_has(&m->root, MF_USAGE_FILE));
	root_write(&m->root, MF_USAGE_FILE,
		   "nvme 2026-01-03 2026-01-04 -\nsoundcore 2026-01-03 - -\nxfs 2026-01-03 - -\n");
	mf_usage_note(&m->root.ctx);
	text = root_read(&m->root, MF_USAGE_FILE);
	mf_day_format(mf_day_today(), day);
	snprintf(want, sizeof(want),
		 "nvme 2026-01-03 2026-01-04 -\nsoundcore 2026-01-03 %s %s\nxfs 2026-01-03 %s -\n",
		 day, day, day);
	assert_string_equal(text, want);
	assert_int_equal(m->root.ctx.failure.code, 0);
}

static void a_ledger_that_cannot_be_read_is_a_failure(void **state)
{
	struct machine *m = indexed(state);
	struct mf_usage usage = { 0 };

	root_mkdir(&m->root, MF_USAGE_FILE);
	assert_int_equal(mf_usage_read(&m->root.ctx, true, &usage), -EISDIR);
	assert_int_equal(m->root.ctx.failure.code, -EISDIR);
	/* but not for the boot */
	m->root.ctx.failure = (struct mf_failure){ 0 };
	mf_usage_note(&m->root.ctx);
	assert_int_equal(m->root.ctx.failure.code, 0);
}

/* The disk is full: the boot goes on, and the ledger of before stays. */
static void a_ledger_that_cannot_be_written_costs_nothing_else(void **state)
{
	static const char before[] = "soundcore 2026-01-03 - -\n";
	struct machine *m = indexed(state);
	struct rlimit limit, none;
	_cleanup_free_ char *text = NULL;

	plug(m);
	root_write(&m->root, MF_USAGE_FILE, before);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	none = (struct rlimit){ 0, limit.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	mf_usage_note(&m->root.ctx);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(m->root.ctx.failure.code, 0);
	text = root_read(&m->root, MF_USAGE_FILE);
	assert_string_equal(text, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE(a_driver_that_was_never_loaded_is_known_from_now_on),
		MACHINE(a_loaded_one_counts_its_devices),
		MACHINE(the_days_of_before_stay),
		MACHINE(another_file_of_the_name_takes_its_place),
		MACHINE(of_another_machine_nothing_is_noted),
		MACHINE(the_boot_notes_what_the_ledger_has),
		MACHINE(a_ledger_that_cannot_be_read_is_a_failure),
		MACHINE(a_ledger_that_cannot_be_written_costs_nothing_else),
	};

	return UNIT_RUN(tests);
}

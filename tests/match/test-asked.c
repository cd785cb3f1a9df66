/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger of what was asked for: its lines, their age, and what is forgotten. */
#include "tests/unit.h"
#include "tests/root.h"
#include <time.h>
#include "modfetch/asked.h"

#define NIC "pci:v00008086d000010D3sv00008086sd0000A01Fbc02sc00i00"

/* A line of a device that was seen so many days ago; valid until the next call. */
static const char *line_of(const char *modalias, int days_ago)
{
	static char line[256];
	time_t at = time(NULL) - (time_t)days_ago * 86400;
	char day[32];
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(day, sizeof(day), "%Y-%m-%d", &tm);
	snprintf(line, sizeof(line), "device %s %s\n", modalias, day);
	return line;
}

static struct mf_asked asked_of(struct root *r)
{
	struct mf_asked asked;

	assert_int_equal(mf_asked_read(&r->ctx, &asked), 0);
	return asked;
}

static void assert_file(struct root *r, const char *text)
{
	_cleanup_free_ char *is = root_read(r, MF_ASKED_FILE);

	assert_string_equal(is, text);
}

static void entries_are_read_back_as_they_were_added(void **state)
{
	struct root *r = *state;
	struct mf_asked asked = asked_of(r);

	assert_int_equal(asked.n, 0);
	assert_int_equal(mf_asked_add(&asked, MF_ASKED_NAME, "xfs"), 0);
	assert_int_equal(mf_asked_add(&asked, MF_ASKED_PACKAGE, "igb-kmp"), 0);
	assert_int_equal(mf_asked_add(&asked, MF_ASKED_PATTERN, "kernel-sound-driver-all"), 0);
	assert_int_equal(mf_asked_add(&asked, MF_ASKED_DEVICE, "dmi:bvnX:pnSome Name:"), 0);
	/* not a second time, and nothing that is no name */
	assert_int_equal(mf_asked_add(&asked, MF_ASKED_NAME, "xfs"), 0);
	assert_int_equal(mf_asked_add(&asked, MF_ASKED_NAME, "x\ny"), 0);
	assert_int_equal(mf_asked_add(&asked, MF_ASKED_NAME, ""), 0);
	assert_int_equal(mf_asked_write(&r->ctx, &asked), 0);
	mf_asked_done(&asked);

	asked = asked_of(r);
	assert_int_equal(asked.n, 4);
	assert_false(asked.changed);
	assert_int_equal(asked.v[0].kind, MF_ASKED_NAME);
	assert_string_equal(asked.v[0].what, "xfs");
	assert_string_equal(asked.v[1].what, "igb-kmp");
	assert_int_equal(asked.v[2].kind, MF_ASKED_PATTERN);
	assert_int_equal(asked.v[3].kind, MF_ASKED_DEVICE);
	assert_string_equal(asked.v[3].what, "dmi:bvnX:pnSome Name:");
	assert_int_equal(asked.v[3].day, time(NULL) / 86400);
	mf_asked_done(&asked);
}

static void a_line_that_is_no_entry_is_kept(void **state)
{
	static const char text[] = "# by hand\n"
				   "name xfs 2026-11-29\n"
				   "name  2026-11-29\n"
				   "name loop\n"
				   "name loop 2026-02-30\n"
				   "name loop 1969-12-31\n"
				   "later xfs 2026-11-29\n"
				   "device x[ 2026-11-29\n";
	struct root *r = *state;
	struct mf_asked asked;

	root_write(r, MF_ASKED_FILE, text);
	asked = asked_of(r);
	assert_int_equal(asked.n, 1);
	assert_int_equal(asked.kept.n, 7);
	mf_asked_forget(&asked, "xfs");
	assert_int_equal(mf_asked_write(&r->ctx, &asked), 0);
	mf_asked_done(&asked);
	assert_file(r, "# by hand\n"
		       "name  2026-11-29\n"
		       "name loop\n"
		       "name loop 2026-02-30\n"
		       "name loop 1969-12-31\n"
		       "later xfs 2026-11-29\n"
		       "device x[ 2026-11-29\n");
}

static void a_device_is_dropped_after_ninety_days(void **state)
{
	static const struct {
		int days_ago;
		size_t n;
	} cases[] = { { 0, 1 }, { 89, 1 }, { 90, 1 }, { 91, 0 }, { 4000, 0 } };
	struct root *r = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct mf_asked asked;

		root_write(r, MF_ASKED_FILE, line_of(NIC, cases[i].days_ago));
		asked = asked_of(r);
		assert_int_equal(asked.n, cases[i].n);
		mf_asked_done(&asked);
	}
}

static void a_device_of_the_future_ends_like_any_other(void **state)
{
	struct root *r = *state;
	struct mf_asked asked;

	root_write(r, MF_ASKED_FILE, line_of(NIC, -20000));
	asked = asked_of(r);
	assert_int_equal(asked.n, 1);
	assert_int_equal(asked.v[0].day, time(NULL) / 86400);
	mf_asked_done(&asked);
}

static void a_device_is_written_when_its_day_changes(void **state)
{
	struct root *r = *state;
	struct mf_asked asked;

	root_write(r, MF_ASKED_FILE, line_of(NIC, 3));
	asked = asked_of(r);
	assert_int_equal(mf_asked_add(&asked, MF_ASKED_DEVICE, NIC), 0);
	assert_true(asked.changed);
	assert_int_equal(asked.n, 1);
	assert_int_equal(mf_asked_write(&r->ctx, &asked), 0);
	assert_int_equal(mf_asked_add(&asked, MF_ASKED_DEVICE, NIC), 0);
	assert_false(asked.changed);
	mf_asked_done(&asked);
	assert_file(r, line_of(NIC, 0));
	/* nothing has changed: nothing is written */
	root_write(r, MF_ASKED_FILE, "");
	asked = asked_of(r);
	assert_int_equal(mf_asked_write(&r->ctx, &asked), 0);
	mf_asked_done(&asked);
}

static void the_number_of_devices_is_bounded(void **state)
{
	struct root *r = *state;
	struct mf_asked asked;

	root_write(r, MF_ASKED_FILE, line_of(NIC, 5));
	asked = asked_of(r);
	assert_int_equal(mf_asked_add(&asked, MF_ASKED_NAME, "xfs"), 0);
	for (unsigned int i = 0; i < MF_ASKED_DEVICES; i++) {
		char modalias[32];

		snprintf(modalias, sizeof(modalias), "usb:v%04X", i);
		assert_int_equal(mf_asked_add(&asked, MF_ASKED_DEVICE, modalias), 0);
	}
	assert_int_equal(asked.n, MF_ASKED_DEVICES + 1);
	/* the one of five days ago went, and the name stayed */
	assert_string_equal(asked.v[0].what, "xfs");
	assert_string_equal(asked.v[1].what, "usb:v0000");
	mf_asked_done(&asked);
}

static void a_package_is_forgotten_with_its_module(void **state)
{
	struct mf_asked asked = { 0 };

	(void)state;
	assert_int_equal(mf_asked_add(&asked, MF_ASKED_NAME, "snd_hda_intel"), 0);
	assert_int_equal(mf_asked_add(&asked, MF_ASKED_PACKAGE, "snd-hda-intel-kmp"), 0);
	assert_int_equal(mf_asked_add(&asked, MF_ASKED_NAME, "snd_hda_intel2"), 0);
	assert_int_equal(mf_asked_add(&asked, MF_ASKED_DEVICE, "snd-hda-intel"), 0);
	asked.changed = false;
	mf_asked_forget(&asked, "snd-hda");
	assert_false(asked.changed);
	mf_asked_forget(&asked, "snd-hda-intel-kmp");
	assert_true(asked.changed);
	assert_int_equal(asked.n, 2);
	assert_string_equal(asked.v[0].what, "snd_hda_intel2");
	assert_int_equal(asked.v[1].kind, MF_ASKED_DEVICE);
	mf_asked_done(&asked);
}

static void names_lose_the_end_that_says_their_kernel(void **state)
{
	static const struct {
		const char *name, *is;
		enum mf_asked_kind kind;
	} cases[] = {
		{ "xfs-kmp-amd64-6.1.0_56", "xfs-kmp", MF_ASKED_PACKAGE },
		{ "xfs-kmp", "xfs-kmp", MF_ASKED_PACKAGE },
		{ "xfs-kmp-amd64-6.1.0_55", "xfs-kmp-amd64-6.1.0_55", MF_ASKED_PACKAGE },
		{ "kernel-sound-driver-all-amd64-6.1.0_56", "kernel-sound-driver-all",
		  MF_ASKED_PATTERN },
		{ "kernel-sound-driver-all", "kernel-sound-driver-all", MF_ASKED_PATTERN },
		{ "acme-all", "acme-all", MF_ASKED_PACKAGE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		enum mf_asked_kind kind = MF_N_ASKED;
		_cleanup_free_ char *is = mf_asked_short_name(cases[i].name, KERNEL, &kind);

		assert_string_equal(is, cases[i].is);
		assert_int_equal(kind, cases[i].kind);
	}
}

static void a_ledger_that_cannot_be_read_is_a_failure(void **state)
{
	struct root *r = *state;
	struct mf_asked asked;

	root_mkdir(r, MF_ASKED_FILE);
	assert_int_equal(mf_asked_read(&r->ctx, &asked), -EISDIR);
	assert_string_equal(r->ctx.failure.what, "/" MF_ASKED_FILE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(entries_are_read_back_as_they_were_added),
		ROOTED(a_line_that_is_no_entry_is_kept),
		ROOTED(a_device_is_dropped_after_ninety_days),
		ROOTED(a_device_of_the_future_ends_like_any_other),
		ROOTED(a_device_is_written_when_its_day_changes),
		ROOTED(the_number_of_devices_is_bounded),
		UNIT(a_package_is_forgotten_with_its_module),
		UNIT(names_lose_the_end_that_says_their_kernel),
		ROOTED(a_ledger_that_cannot_be_read_is_a_failure),
	};

	return UNIT_RUN(tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger of used drivers: what is written is read, and what is wrong costs its line only. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/usage.h"
#include "src/upkeep/usage-ledger.h"

#define DAY 20787 /* 2026-11-30 */

static struct usage_ledger read_ledger(struct root *r, const char *text)
{
	struct usage_ledger ledger = { 0 };

	if (text)
		root_write(r, MF_USAGE_FILE, text);
	assert_int_equal(usage_ledger_read(&r->ctx, &ledger), 0);
	return ledger;
}

static void assert_written(struct root *r, struct usage_ledger *ledger, const char *want)
{
	_cleanup_free_ char *text = NULL;

	assert_int_equal(usage_ledger_write(&r->ctx, ledger), 0);
	text = root_read(r, MF_USAGE_FILE);
	assert_string_equal(text, want);
}

static void what_was_noted_is_read_again(void **state)
{
	struct root *r = *state;
	struct usage_ledger ledger = read_ledger(r, NULL);
	struct usage_entry *entry = NULL;

	/* nothing is written where nothing was noted */
	assert_int_equal(usage_ledger_write(&r->ctx, &ledger), 0);
	assert_false(root_has(r, MF_USAGE_FILE));
	assert_int_equal(usage_ledger_add(&ledger, "igb", DAY - 1, &entry), 0);
	usage_ledger_note(&ledger, entry, DAY, true);
	assert_int_equal(usage_ledger_add(&ledger, "nvme_tcp", DAY, &entry), 0);
	assert_int_equal(usage_ledger_add(&ledger, "xfs", DAY, &entry), 0);
	usage_ledger_note(&ledger, entry, DAY, false);
	assert_written(r, &ledger,
		       "igb 2026-11-29 2026-11-30 2026-11-30\nnvme_tcp 2026-11-30 - -\n"
		       "xfs 2026-11-30 2026-11-30 -\n");
	usage_ledger_done(&ledger);
	ledger = read_ledger(r, NULL);
	assert_int_equal(ledger.n, 3);
	assert_int_equal(usage_ledger_find(&ledger, "igb")->first, DAY - 1);
	assert_int_equal(usage_ledger_find(&ledger, "nvme_tcp")->loaded, -1);
	assert_int_equal(usage_ledger_find(&ledger, "xfs")->loaded, DAY);
	assert_int_equal(usage_ledger_find(&ledger, "xfs")->bound, -1);
	assert_null(usage_ledger_find(&ledger, "ig"));
	assert_false(ledger.changed);
	usage_ledger_done(&ledger);
}

static void a_day_is_written_once_and_never_moves_back(void **state)
{
	struct root *r = *state;
	struct usage_ledger ledger = read_ledger(r, "igb 2026-11-01 2026-11-30 2026-11-29\n");
	struct usage_entry *entry = usage_ledger_find(&ledger, "igb");

	usage_ledger_note(&ledger, entry, DAY, false);
	assert_false(ledger.changed);
	usage_ledger_note(&ledger, entry, DAY - 10, true);
	assert_false(ledger.changed);
	assert_int_equal(entry->loaded, DAY);
	assert_int_equal(entry->bound, DAY - 1);
	usage_ledger_note(&ledger, entry, DAY, true);
	assert_true(ledger.changed);
	assert_written(r, &ledger, "igb 2026-11-01 2026-11-30 2026-11-30\n");
	usage_ledger_done(&ledger);
}

static void a_line_that_is_no_entry_is_left_out(void **state)
{
	struct root *r = *state;
	struct usage_ledger ledger = read_ledger(r, "# a comment\n"
						    "\n"
						    "one\n"
						    "two 2026-11-01\n"
						    "three 2026-11-01 - - -\n"
						    "four - - -\n"
						    "five 2026-11-31 - -\n"
						    "si-x 2026-11-01 - -\n"
						    "se.ven 2026-11-01 - -\n"
						    "\033[1m 2026-11-01 - -\n"
						    "good 2026-11-01 - -\n"
						    "good 2026-11-02 - -\n"
						    "also 2026-11-01 2026-11-02 -\n"
						    "half 2026-1");

	assert_int_equal(ledger.n, 2);
	assert_int_equal(usage_ledger_find(&ledger, "good")->first, DAY - 29);
	assert_non_null(usage_ledger_find(&ledger, "also"));
	ledger.changed = true;
	assert_written(r, &ledger, "also 2026-11-01 2026-11-02 -\ngood 2026-11-01 - -\n");
	usage_ledger_done(&ledger);
}

static void it_has_a_bound(void **state)
{
	struct root *r = *state;
	struct usage_ledger ledger = { 0 };
	struct usage_entry *entry = NULL;
	char name[16];

	for (unsigned int i = 0; i < MF_USAGE_MODULES; i++) {
		snprintf(name, sizeof(name), "m%05u", i);
		assert_int_equal(usage_ledger_add(&ledger, name, DAY, &entry), 0);
		assert_non_null(entry);
	}
	assert_int_equal(usage_ledger_add(&ledger, "n", DAY, &entry), 0);
	assert_null(entry);
	/* one that is there already is found */
	assert_int_equal(usage_ledger_add(&ledger, "m00077", DAY, &entry), 0);
	assert_non_null(entry);
	assert_int_equal(usage_ledger_write(&r->ctx, &ledger), 0);
	usage_ledger_done(&ledger);
	ledger = read_ledger(r, NULL);
	assert_int_equal(ledger.n, MF_USAGE_MODULES);
	usage_ledger_done(&ledger);
}

static void what_was_not_used_for_long_goes(void **state)
{
	struct root *r = *state;
	struct usage_ledger ledger = read_ledger(r, "gone 2020-01-01 2020-01-02 -\n"
						    "kept 2020-01-01 - -\n"
						    "lately 2020-01-01 2026-01-01 -\n"
						    "new 2026-11-01 - -\n"
						    "wrong 2099-01-01 2099-01-01 2099-01-01\n");

	usage_ledger_find(&ledger, "kept")->packaged = true;
	usage_ledger_expire(&ledger, DAY);
	assert_null(usage_ledger_find(&ledger, "gone"));
	assert_non_null(usage_ledger_find(&ledger, "kept"));
	assert_non_null(usage_ledger_find(&ledger, "lately"));
	assert_non_null(usage_ledger_find(&ledger, "new"));
	/* a clock that was wrong once */
	assert_int_equal(usage_ledger_find(&ledger, "wrong")->loaded, DAY);
	usage_ledger_expire(&ledger, DAY + MF_USAGE_DAYS + 1);
	assert_int_equal(ledger.n, 1);
	assert_string_equal(ledger.v[0].module, "kept");
	usage_ledger_done(&ledger);
}

static void one_that_cannot_be_read_is_a_failure(void **state)
{
	struct root *r = *state;
	struct usage_ledger ledger = { 0 };

	root_mkdir(r, MF_USAGE_FILE);
	assert_int_equal(usage_ledger_read(&r->ctx, &ledger), -EISDIR);
	assert_string_equal(r->ctx.failure.what, "/" MF_USAGE_FILE);
	assert_int_equal(mf_tree_remove(r->fd, MF_USAGE_FILE), 0);
	root_link(r, "/etc/passwd", MF_USAGE_FILE);
	assert_int_equal(usage_ledger_read(&r->ctx, &ledger), -ELOOP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(what_was_noted_is_read_again),
		ROOTED(a_day_is_written_once_and_never_moves_back),
		ROOTED(a_line_that_is_no_entry_is_left_out),
		ROOTED(it_has_a_bound),
		ROOTED(what_was_not_used_for_long_goes),
		ROOTED(one_that_cannot_be_read_is_a_failure),
	};

	return UNIT_RUN(tests);
}

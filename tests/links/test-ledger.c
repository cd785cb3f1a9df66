/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger is data: what comes back is what was written, and a hostile line names nothing. */
#include "tests/unit.h"
#include "tests/root.h"
#include "src/links/ledger.h"
#include "modfetch/array.h"

#define FILE_ "var/lib/modfetch/links"

static const struct mf_link good = { (char *)"6.1.0-9-test",
				     (char *)"weak-updates/updates/a-b.ko.xz",
				     (char *)"/lib/modules/6.1.0-8-test/updates/a-b.ko.xz",
				     (char *)"a-kmp" };

static void it_reads_what_it_wrote(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_links_done) struct mf_links links = { .pending = true }, back = { 0 };

	assert_int_equal(links_ledger_add(&links, &good), 1);
	assert_int_equal(mf_strings_add(&links.directories, "6.1.0-9-test/weak-updates"), 0);
	assert_int_equal(links_ledger_write(&r->ctx, &links), 0);
	assert_int_equal(mf_links_read(&r->ctx, &back), 0);
	assert_int_equal(back.n, 1);
	assert_true(back.pending);
	assert_string_equal(back.v[0].kernel, good.kernel);
	assert_string_equal(back.v[0].path, good.path);
	assert_string_equal(back.v[0].target, good.target);
	assert_string_equal(back.v[0].package, good.package);
	assert_int_equal(back.directories.n, 1);
	assert_ptr_equal(links_ledger_find(&back, good.kernel, "a_b"), &back.v[0]);
	assert_null(links_ledger_find(&back, good.kernel, "a-b"));
	assert_null(links_ledger_find(&back, "6.1.0-8-test", "a_b"));
	links_ledger_drop(&back, 0);
	assert_int_equal(back.n, 0);
}

static void an_empty_ledger_is_no_file(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_links_done) struct mf_links links = { 0 }, none = { 0 };

	assert_int_equal(mf_links_read(&r->ctx, &links), 0);
	assert_int_equal(links_ledger_write(&r->ctx, &none), 0);
	assert_int_equal(links_ledger_add(&links, &good), 1);
	assert_int_equal(links_ledger_write(&r->ctx, &links), 0);
	assert_true(root_has(r, FILE_));
	assert_int_equal(links_ledger_write(&r->ctx, &none), 0);
	assert_false(root_has(r, FILE_));
}

static void an_entry_that_no_line_can_hold_is_not_added(void **state)
{
	_cleanup_(mf_links_done) struct mf_links links = { 0 };
	static const struct {
		const char *kernel, *path, *target, *package;
	} bad[] = {
		{ "..", "weak-updates/x.ko", "/lib/modules/K/x.ko", "p" },
		{ "a/b", "weak-updates/x.ko", "/lib/modules/K/x.ko", "p" },
		{ "", "weak-updates/x.ko", "/lib/modules/K/x.ko", "p" },
		{ "K", "updates/x.ko", "/lib/modules/K/x.ko", "p" },
		{ "K", "weak-updates/../x.ko", "/lib/modules/K/x.ko", "p" },
		{ "K", "weak-updates/a b.ko", "/lib/modules/K/x.ko", "p" },
		{ "K", "weak-updates/a\nl.ko", "/lib/modules/K/x.ko", "p" },
		{ "K", "weak-updates/passwd", "/lib/modules/K/x.ko", "p" },
		{ "K", "weak-updates/x.ko", "/etc/x.ko", "p" },
		{ "K", "weak-updates/x.ko", "/lib/modules/K/../../../etc/x.ko", "p" },
		{ "K", "weak-updates/x.ko", "/lib/modules/K/x.ko", "p q" },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++) {
		const struct mf_link link = { (char *)bad[i].kernel, (char *)bad[i].path,
					      (char *)bad[i].target, (char *)bad[i].package };

		assert_int_equal(links_ledger_add(&links, &link), 0);
	}
	assert_int_equal(links.n, 0);
}

static void a_hostile_or_damaged_file_names_nothing(void **state)
{
	struct root *r = *state;
	static const char *const texts[] = {
		"",
		"x",
		"modfetch links 2\n.\n",
		"modfetch links 1\nl K weak-updates/x.ko",
		"modfetch links 1\nl K ../../etc/x.ko /lib/modules/K/x.ko p\n.\n",
		"modfetch links 1\nl K weak-updates/x.ko /etc/x.ko p\n.\n",
		"modfetch links 1\nl K weak-updates/x.ko /lib/modules/K/x.ko p more\n.\n",
		"modfetch links 1\nl K weak-updates/x.ko\nz\nd ../../etc\nd /etc\n.\n",
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(texts); i++) {
		_cleanup_(mf_links_done) struct mf_links links = { 0 };

		root_write(r, FILE_, texts[i]);
		assert_int_equal(mf_links_read(&r->ctx, &links), 0);
		assert_int_equal(links.n, 0);
		assert_int_equal(links.directories.n, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(it_reads_what_it_wrote),
		ROOTED(an_empty_ledger_is_no_file),
		ROOTED(an_entry_that_no_line_can_hold_is_not_added),
		ROOTED(a_hostile_or_damaged_file_names_nothing),
	};

	return UNIT_RUN(tests);
}

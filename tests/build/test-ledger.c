/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What was built here, and what failed. */
#include "tests/unit.h"
#include "tests/root.h"
#include "src/build/ledger.h"

#define PATH BUILD_DIRECTORY "/ledger"

static void set(struct build_ledger *ledger, const char *name, const char *kernel, int code,
		const char *modules)
{
	struct build_entry e = { .name = (char *)(uintptr_t)name,
				 .version = (char *)(uintptr_t) "1.0",
				 .kernel = (char *)(uintptr_t)kernel,
				 .source = { 1, 2 },
				 .tools = { 3 },
				 .code = code };

	assert_int_equal(mf_strings_split(&e.modules, modules), 0);
	assert_int_equal(build_ledger_set(ledger, &e), 0);
	mf_strings_done(&e.modules);
}

static void what_is_written_is_read(void **state)
{
	struct build_ledger ledger = { 0 }, read = { 0 };
	struct root *r = *state;
	const struct build_entry *e;

	assert_int_equal(build_ledger_read(&r->ctx, &read), 0);
	assert_int_equal(read.n, 0);
	set(&ledger, "zfs", KERNEL, 0, "spl zfs");
	set(&ledger, "zfs", "6.2-x", -MFE_BUILD, "");
	set(&ledger, "acpi-call", KERNEL, -ENOSPC, "acpi_call");
	/* the last build of a source for a kernel is the one that counts */
	set(&ledger, "acpi-call", KERNEL, -MFE_TIMEOUT, "acpi_call");
	assert_int_equal(ledger.n, 3);
	assert_int_equal(build_ledger_write(&r->ctx, &ledger), 0);
	assert_int_equal(build_ledger_read(&r->ctx, &read), 0);
	assert_int_equal(read.n, 3);
	e = build_ledger_find(&read, "zfs", KERNEL, false);
	assert_non_null(e);
	assert_int_equal(e->code, 0);
	assert_string_equal(e->version, "1.0");
	assert_int_equal(e->modules.n, 2);
	assert_string_equal(e->modules.v[1], "zfs");
	assert_int_equal(e->source[1], 2);
	assert_int_equal(e->tools[0], 3);
	e = build_ledger_find(&read, "zfs", "6.2-x", true);
	assert_int_equal(e->code, -MFE_BUILD);
	assert_int_equal(e->modules.n, 0);
	assert_int_equal(build_ledger_find(&read, "acpi-call", KERNEL, true)->code, -MFE_TIMEOUT);
	assert_null(build_ledger_find(&read, "acpi-call", "6.2-x", true));
	build_ledger_drop(&read, "zfs");
	assert_int_equal(read.n, 1);
	assert_string_equal(read.v[0].name, "acpi-call");
	build_ledger_done(&ledger);
	build_ledger_done(&read);
}

static void a_failure_stands_beside_the_good_build_until_the_next_one(void **state)
{
	struct build_ledger ledger = { 0 };

	(void)state;
	set(&ledger, "x", KERNEL, 0, "x y");
	set(&ledger, "x", KERNEL, -MFE_BUILD, "x");
	assert_int_equal(ledger.n, 2);
	assert_int_equal(build_ledger_find(&ledger, "x", KERNEL, false)->modules.n, 2);
	assert_int_equal(build_ledger_find(&ledger, "x", KERNEL, true)->code, -MFE_BUILD);
	set(&ledger, "x", KERNEL, 0, "x");
	assert_int_equal(ledger.n, 1);
	assert_null(build_ledger_find(&ledger, "x", KERNEL, true));
	assert_int_equal(build_ledger_find(&ledger, "x", KERNEL, false)->modules.n, 1);
	build_ledger_done(&ledger);
}

static void an_errno_stays_a_failure(void **state)
{
	struct build_ledger ledger = { 0 }, read = { 0 };
	struct root *r = *state;

	set(&ledger, "x", KERNEL, -ENOSPC, "x");
	assert_int_equal(build_ledger_write(&r->ctx, &ledger), 0);
	assert_int_equal(build_ledger_read(&r->ctx, &read), 0);
	assert_true(read.v[0].code < 0);
	build_ledger_done(&ledger);
	build_ledger_done(&read);
}

static void a_damaged_file_is_empty_and_a_bad_line_is_skipped(void **state)
{
	static const char *const damaged[] = { "", "modfetch builds 1\n", "x\n.\n",
					       "modfetch builds 2\n.\n",
					       "modfetch builds 1\nx y z" };
	struct build_ledger ledger = { 0 };
	struct root *r = *state;

	for (size_t i = 0; i < sizeof(damaged) / sizeof(*damaged); i++) {
		root_write(r, PATH, damaged[i]);
		assert_int_equal(build_ledger_read(&r->ctx, &ledger), 0);
		assert_int_equal(ledger.n, 0);
	}
	root_write(r, PATH, "modfetch builds 1\na 1 " KERNEL " 00 11 -\nb 1 k\n\n.\n");
	assert_int_equal(build_ledger_read(&r->ctx, &ledger), 0);
	assert_int_equal(ledger.n, 0);
	/* a directory in its place is no empty ledger */
	assert_int_equal(unlinkat(r->fd, PATH, 0), 0);
	root_mkdir(r, PATH);
	assert_int_equal(build_ledger_read(&r->ctx, &ledger), -EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(what_is_written_is_read),
		UNIT(a_failure_stands_beside_the_good_build_until_the_next_one),
		ROOTED(an_errno_stays_a_failure),
		ROOTED(a_damaged_file_is_empty_and_a_bad_line_is_skipped),
	};

	return UNIT_RUN(tests);
}

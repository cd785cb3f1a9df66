/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The record of runs that did not end. */
#include "tests/unit.h"
#include "tests/root.h"
#include "src/pipeline/tries.h"

enum { N = 3 };

static void name_all(struct mf_spool_entry entries[N])
{
	static const char *const modaliases[N] = { "pci:v1", "usb:v2", "xfs" };

	memset(entries, 0, N * sizeof(*entries));
	for (size_t i = 0; i < N; i++)
		mf_spool_name(modaliases[i], entries[i].name);
}

static void the_written_tries_are_read(void **state)
{
	struct root *r = *state;
	struct mf_spool_entry entries[N];

	name_all(entries);
	entries[0].tries = 1;
	entries[2].tries = 2;
	assert_int_equal(mf_tries_write(&r->ctx, entries, N), 0);
	for (size_t i = 0; i < N; i++)
		entries[i].tries = 7;
	mf_tries_read(&r->ctx, entries, N);
	assert_int_equal(entries[0].tries, 1);
	assert_int_equal(entries[1].tries, 0);
	assert_int_equal(entries[2].tries, 2);
	/* tries of other entries are dropped */
	assert_int_equal(mf_tries_write(&r->ctx, entries, 1), 0);
	mf_tries_read(&r->ctx, entries, N);
	assert_int_equal(entries[0].tries, 1);
	assert_int_equal(entries[2].tries, 0);
}

static void without_tries_there_is_no_file(void **state)
{
	struct root *r = *state;
	struct mf_spool_entry entries[N];

	name_all(entries);
	assert_int_equal(mf_tries_write(&r->ctx, entries, N), 0);
	entries[1].tries = 1;
	assert_int_equal(mf_tries_write(&r->ctx, entries, N), 0);
	assert_true(root_has(r, MF_TRIES_FILE));
	entries[1].tries = 0;
	assert_int_equal(mf_tries_write(&r->ctx, entries, N), 0);
	assert_false(root_has(r, MF_TRIES_FILE));
	mf_tries_read(&r->ctx, entries, N);
	assert_int_equal(entries[1].tries, 0);
}

static void a_damaged_line_counts_as_no_try(void **state)
{
	struct root *r = *state;
	struct mf_spool_entry entries[N];
	char text[512];

	name_all(entries);
	/* no number, two digits, more on the line, a short name, no line */
	snprintf(text, sizeof(text), "%s x\n%s 12\n%s 1 \n%.31s 1\n\n\n%s 0\n", entries[0].name,
		 entries[0].name, entries[0].name, entries[0].name, entries[0].name);
	root_write(r, MF_TRIES_FILE, text);
	mf_tries_read(&r->ctx, entries, N);
	assert_int_equal(entries[0].tries, 0);
	snprintf(text, sizeof(text), "junk\n%s 2\n%.20s", entries[0].name, entries[1].name);
	root_write(r, MF_TRIES_FILE, text);
	mf_tries_read(&r->ctx, entries, N);
	assert_int_equal(entries[0].tries, 2);
	assert_int_equal(entries[1].tries, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(the_written_tries_are_read),
		ROOTED(without_tries_there_is_no_file),
		ROOTED(a_damaged_line_counts_as_no_try),
	};

	return UNIT_RUN(tests);
}

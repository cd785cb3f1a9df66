/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Archives as generators write them, and as an attacker would. */
#include "tests/unit.h"
#include <errno.h>
#include "archive.h"
#include "src/initrd/cpio.h"

struct seen {
	char text[512];
	const char *wanted;
	int fail;
};

static int on_entry(void *arg, const struct mf_cpio_entry *entry)
{
	struct seen *seen = arg;
	size_t len = strlen(seen->text);

	snprintf(seen->text + len, sizeof(seen->text) - len, "%s:%llu ", entry->name,
		 (unsigned long long)entry->size);
	return seen->wanted && !strcmp(entry->name, seen->wanted);
}

static int on_content(void *arg, const void *bytes, size_t len)
{
	struct seen *seen = arg;

	strcat(seen->text, "[");
	strncat(seen->text, bytes, len);
	strcat(seen->text, "] ");
	return seen->fail;
}

/* Reads in pieces of STEP bytes. RET_USED: of all. */
static int read_in_pieces(struct seen *seen, const struct archive *a, size_t step, size_t *ret_used,
			  bool *ret_complete)
{
	const struct mf_cpio_visitor visitor = { on_entry, on_content, seen };
	struct mf_cpio *cpio = mf_cpio_new(&visitor, 100);
	size_t at = 0, used = 0;
	int r = 0;

	assert_non_null(cpio);
	*seen->text = '\0';
	while (!r && at < a->len) {
		size_t n = a->len - at < step ? a->len - at : step;

		r = mf_cpio_push(cpio, a->bytes + at, n, &used);
		at += used;
		if (used < n)
			break;
	}
	*ret_used = at;
	*ret_complete = mf_cpio_complete(cpio);
	mf_cpio_free(cpio);
	return r;
}

static void pieces_of_any_size_give_the_same(void **state)
{
	struct archive a = { 0 };
	struct seen seen = { .wanted = "b" };
	bool complete;
	size_t used;

	archive_entry(&a, "a", S_IFDIR, "", 0);
	archive_entry(&a, "b", S_IFREG, "hello", 5);
	archive_entry(&a, "d/c", S_IFREG, "12345678", 8);
	archive_end(&a);
	for (size_t i = 0; i < 512; i++)
		archive_put(&a, "", 1);
	archive_entry(&a, "second", S_IFREG, "", 0);
	archive_end(&a);
	for (size_t step = 1; step < 300; step++) {
		assert_int_equal(read_in_pieces(&seen, &a, step, &used, &complete), 0);
		assert_string_equal(seen.text, "a:0 b:5 [hello] d/c:8 second:0 ");
		assert_true(complete && used == a.len);
	}
	free(a.bytes);
}

static void it_stops_where_something_else_begins(void **state)
{
	struct archive a = { 0 };
	struct seen seen = { 0 };
	bool complete;
	size_t used, end;

	archive_entry(&a, "a", S_IFREG, "x", 1);
	archive_end(&a);
	archive_pad(&a, 512);
	end = a.len;
	archive_put(&a,
		    "\x1f\x8b"
		    "0707",
		    6);
	assert_int_equal(read_in_pieces(&seen, &a, a.len, &used, &complete), 0);
	assert_int_equal(used, end);
	assert_true(complete);
	free(a.bytes);
}

static void truncated_archives_are_not_complete(void **state)
{
	struct archive a = { 0 };
	struct seen seen = { 0 };
	bool complete;
	size_t used, whole;

	archive_entry(&a, "a", S_IFREG, "x", 1);
	archive_end(&a);
	whole = a.len;
	for (a.len = 0; a.len < whole; a.len++) {
		assert_int_equal(read_in_pieces(&seen, &a, 7, &used, &complete), 0);
		assert_false(complete);
	}
	free(a.bytes);
}

static void damaged_headers_are_errors(void **state)
{
	static const struct {
		size_t at;
		const char *bytes;
		int code;
	} damages[] = {
		{ 0, "070707", -EBADMSG },    /* the old format */
		{ 54, "0000000g", -EBADMSG }, /* the size */
		{ 94, "00000000", -EBADMSG }, /* the name has no NUL */
		{ 94, "00000001", -EBADMSG }, { 94, "7fffffff", -EFBIG },
		{ 54, "ffffffff", -EFBIG }, /* a content that is wanted */
	};

	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
		struct archive a = { 0 };
		struct seen seen = { .wanted = "a" };
		bool complete;
		size_t used;

		archive_entry(&a, "a", S_IFREG, "x", 1);
		archive_end(&a);
		memcpy(a.bytes + damages[i].at, damages[i].bytes, strlen(damages[i].bytes));
		assert_int_equal(read_in_pieces(&seen, &a, 16, &used, &complete), damages[i].code);
		free(a.bytes);
	}
}

static void an_error_of_the_visitor_ends_it(void **state)
{
	struct archive a = { 0 };
	struct seen seen = { .wanted = "a", .fail = -ENOMEM };
	bool complete;
	size_t used;

	archive_entry(&a, "a", S_IFREG, "x", 1);
	archive_end(&a);
	assert_int_equal(read_in_pieces(&seen, &a, 16, &used, &complete), -ENOMEM);
	free(a.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(pieces_of_any_size_give_the_same),
		UNIT(it_stops_where_something_else_begins),
		UNIT(truncated_archives_are_not_complete),
		UNIT(damaged_headers_are_errors),
		UNIT(an_error_of_the_visitor_ends_it),
	};

	return UNIT_RUN(tests);
}

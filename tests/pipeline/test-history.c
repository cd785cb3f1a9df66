/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A line is complete or missing, also if the writer of the last one was killed. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/history.h"

#define FILE_NAME "var/lib/modfetch/history"

static int add(struct root *r, int n, const char *text)
{
	struct mf_json *o = mf_json_object();
	int64_t id;
	int err;

	mf_json_set_int(o, "n", n);
	mf_json_set_string(o, "text", text);
	err = mf_history_add(&r->ctx, o, &id);
	mf_json_free(o);
	return err;
}

struct seen {
	int n, last, stop;
};

static int note(void *arg, struct mf_json *record)
{
	struct seen *s = arg;

	s->n++;
	s->last = (int)mf_json_get_int(record, "n");
	return s->n == s->stop ? 5 : 0;
}

static struct seen read_all(struct root *r)
{
	struct seen s = { 0 };

	assert_int_equal(mf_history_read(&r->ctx, note, &s), 0);
	return s;
}

static void records_are_read_in_order(void **state)
{
	struct root *r = *state;
	struct seen s = { .stop = 2 };

	assert_int_equal(read_all(r).n, 0);
	for (int i = 1; i <= 5; i++)
		assert_int_equal(add(r, i, "line\nbreak"), 0);
	assert_int_equal(read_all(r).n, 5);
	assert_int_equal(read_all(r).last, 5);
	assert_int_equal(mf_history_read(&r->ctx, note, &s), 5);
	assert_int_equal(s.last, 2);
}

/* A history is cut at 4 MiB when a record is added: until then it may be larger. */
static void a_large_history_is_read_whole(void **state)
{
	static const char line[] =
		"{\"n\":3,\"text\":\"0123456789012345678901234567890123456789\"}\n";
	const size_t n = (5U << 20) / strlen(line);
	struct root *r = *state;
	_cleanup_free_ char *text = calloc(n, sizeof(line));

	for (size_t i = 0; i < n; i++)
		memcpy(text + i * strlen(line), line, strlen(line));
	root_write(r, FILE_NAME, text);
	assert_int_equal(read_all(r).n, n);
}

static void lines_that_are_no_records_are_skipped(void **state)
{
	struct root *r = *state;

	root_write(r, FILE_NAME, "garbage\n{\"n\":1}\n\n[\n7\n{\"n\":2}\n");
	assert_int_equal(read_all(r).n, 2);
	assert_int_equal(read_all(r).last, 2);
}

/* A power cut may leave half a line: the next record must not be lost because of it. */
static void half_a_line_does_not_harm_the_next(void **state)
{
	struct root *r = *state;

	root_write(r, FILE_NAME, "{\"n\":1}\n{\"n\":2,\"te");
	assert_int_equal(add(r, 3, "x"), 0);
	assert_int_equal(add(r, 4, "x"), 0);
	assert_int_equal(read_all(r).n, 3);
	assert_int_equal(read_all(r).last, 4);
}

static void the_size_of_the_history_is_limited(void **state)
{
	struct root *r = *state;
	_cleanup_free_ char *text = NULL;
	char big[20000];
	struct stat st;

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	for (int i = 1; i <= 500; i++) {
		assert_int_equal(add(r, i, big), 0);
		assert_int_equal(fstatat(r->fd, FILE_NAME, &st, 0), 0);
		assert_true(st.st_size < (5 << 20));
	}
	assert_int_equal(read_all(r).last, 500);
	assert_true(read_all(r).n > 100);
	text = root_read(r, FILE_NAME);
	assert_true(text[0] == '{');
	assert_int_equal(st.st_mode & 0777, 0644);
}

static void a_link_in_its_place_is_not_followed(void **state)
{
	struct root *r = *state;

	root_mkdir(r, "var/lib/modfetch");
	root_write(r, "victim", "untouched");
	root_link(r, "../../../victim", FILE_NAME);
	assert_int_equal(add(r, 1, "x"), -ELOOP);
	assert_int_equal(r->ctx.failure.stage, MF_STAGE_HISTORY);
}

static void an_id_is_one_more_than_the_last_one(void **state)
{
	struct root *r = *state;
	_cleanup_free_ char *long_text = malloc(200001);
	struct mf_json *o;

	/* a record of before, without an id, and a torn one */
	root_write(r, FILE_NAME, "{\"n\":1}\n{\"id\":41,\"n\":2}\n{\"id\":4");
	assert_int_equal(add(r, 3, "x"), 0);
	assert_int_equal(mf_history_find(&r->ctx, 42, &o), 0);
	assert_int_equal(mf_json_get_int(o, "n"), 3);
	mf_json_free(o);
	/* the record before may be long */
	assert_non_null(long_text);
	memset(long_text, 'x', 200000);
	long_text[200000] = '\0';
	assert_int_equal(add(r, 4, long_text), 0);
	assert_int_equal(add(r, 5, "x"), 0);
	assert_int_equal(mf_history_find(&r->ctx, 44, &o), 0);
	assert_int_equal(mf_json_get_int(o, "n"), 5);
	mf_json_free(o);
	assert_int_equal(mf_history_find(&r->ctx, 45, &o), -MFE_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(records_are_read_in_order),
		ROOTED(a_large_history_is_read_whole),
		ROOTED(lines_that_are_no_records_are_skipped),
		ROOTED(half_a_line_does_not_harm_the_next),
		ROOTED(the_size_of_the_history_is_limited),
		ROOTED(a_link_in_its_place_is_not_followed),
		ROOTED(an_id_is_one_more_than_the_last_one),
	};

	return UNIT_RUN(tests);
}

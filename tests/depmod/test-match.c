/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file is known only while everything about it is as it was. */
#include "tests/unit.h"
#include <string.h>
#include "src/depmod/match.h"

static const char strings[] = "a.ko\0b.ko";

/* A state that knows a.ko and b.ko; B is in the recent part where RECENT. */
struct world {
	struct dm_record records[2];
	struct dm_state state;
	struct dm_file files[3];
	struct dm_scan scan;
	struct dm_module v[3];
	struct dm_modules modules;
	struct dm_match match;
};

static struct dm_record record(uint32_t path, uint32_t flags)
{
	return (struct dm_record){
		.numbers = { 1, 2, 3, 4 }, .path = path, .path_len = 4, .flags = flags
	};
}

static void init(struct world *w, bool recent)
{
	memset(w, 0, sizeof(*w));
	w->records[0] = record(0, DM_READ);
	w->records[1] = record(5, DM_READ);
	w->state.base = (struct dm_segment){ .strings = strings,
					     .n_strings = sizeof(strings),
					     .records = w->records,
					     .n_records = recent ? 1 : 2 };
	w->state.recent = (struct dm_segment){ .strings = strings,
					       .n_strings = sizeof(strings),
					       .records = w->records + 1,
					       .n_records = recent };
	for (size_t i = 0; i < 2; i++)
		w->files[i] = (struct dm_file){ .path = strings + 5 * i,
						.path_len = 4,
						.numbers = { 1, 2, 3, 4 } };
	w->files[2] = (struct dm_file){ .path = "c.ko", .path_len = 4 };
	w->scan.files = w->files;
	w->scan.n = 2;
	w->modules.v = w->v;
	w->modules.n = 2;
	for (size_t i = 0; i < 3; i++)
		w->v[i].file = &w->files[i];
}

static void match(struct world *w)
{
	assert_int_equal(dm_match(&w->state, &w->scan, &w->modules, &w->match), 0);
}

static void what_is_as_it_was_needs_no_reading(void **state)
{
	struct world w;

	init(&w, false);
	match(&w);
	assert_ptr_equal(w.v[0].record, &w.records[0]);
	assert_ptr_equal(w.v[1].record, &w.records[1]);
	assert_false(w.match.news);
	assert_int_equal(w.match.n_gone, 0);
	dm_match_done(&w.match);
}

static void the_recent_part_is_recalled(void **state)
{
	struct world w;

	init(&w, true);
	match(&w);
	assert_ptr_equal(w.v[0].record, &w.records[0]);
	assert_null(w.v[1].record);
	assert_true(w.v[1].recalled);
	assert_ptr_equal(w.v[1].old, &w.records[1]);
	dm_match_done(&w.match);
}

static void any_difference_makes_it_be_read_again(void **state)
{
	for (int what = 0; what < 6; what++) {
		struct world w;

		init(&w, false);
		/* a clock that was put back shows as any other difference */
		w.files[1].numbers.size += what == 0;
		w.files[1].numbers.inode += what == 1;
		w.files[1].numbers.mtime -= what == 2;
		w.files[1].numbers.ctime -= what == 3;
		if (what == 4) /* it may have changed since without a trace */
			w.records[1].flags |= DM_RACY;
		if (what == 5) /* it was there, as the loser of two of one name */
			w.records[1].flags = 0;
		match(&w);
		assert_ptr_equal(w.v[0].record, &w.records[0]);
		assert_null(w.v[1].record);
		assert_false(w.v[1].recalled);
		assert_ptr_equal(w.v[1].old, &w.records[1]);
		assert_false(w.match.news);
		assert_int_equal(w.match.n_gone, 1);
		assert_int_equal(w.match.gone[0], 1);
		dm_match_done(&w.match);
	}
}

static void what_came_and_what_went_is_news(void **state)
{
	struct world w;

	init(&w, false);
	w.scan.n = w.modules.n = 3;
	match(&w);
	assert_true(w.match.news);
	assert_int_equal(w.files[2].record, DM_NONE);
	assert_null(w.v[2].old);
	dm_match_done(&w.match);
	init(&w, false);
	w.scan.n = w.modules.n = 1;
	match(&w);
	assert_true(w.match.news);
	assert_int_equal(w.match.n_gone, 1);
	assert_int_equal(w.match.gone[0], 1);
	dm_match_done(&w.match);
	/* one for another */
	init(&w, false);
	w.files[1].path = "c.ko";
	match(&w);
	assert_true(w.match.news);
	dm_match_done(&w.match);
}

/* Files k0 to k49, which no state knows. */
static void many(struct dm_file files[50], char paths[50][5])
{
	for (size_t i = 0; i < 50; i++) {
		int len = snprintf(paths[i], 5, "k%zu", i);

		files[i] = (struct dm_file){ .path = paths[i], .path_len = (uint32_t)len };
	}
}

static void much_that_is_new_begins_a_new_base(void **state)
{
	for (size_t n = 2; n <= 50; n += 16) {
		struct dm_file files[50];
		struct dm_module v[50] = { 0 };
		char paths[50][5];
		struct world w;

		init(&w, true);
		many(files, paths);
		files[0] = w.files[0];
		files[1] = w.files[1];
		w.scan.files = files;
		w.modules.v = v;
		for (size_t i = 0; i < 50; i++)
			v[i].file = &files[i];
		w.scan.n = w.modules.n = n;
		match(&w);
		assert_int_equal(w.match.new_base, n > 17);
		/* then what the base says is copied, as what the recent part says always is */
		assert_int_equal(v[0].recalled, n > 17);
		assert_int_equal(v[0].record == NULL, n > 17);
		assert_ptr_equal(v[0].old, &w.records[0]);
		assert_true(v[1].recalled);
		assert_false(v[2].recalled);
		dm_match_done(&w.match);
	}
}

static void without_a_state_all_is_new(void **state)
{
	struct world w;

	init(&w, false);
	memset(&w.state, 0, sizeof(w.state));
	match(&w);
	assert_true(w.match.new_base && w.match.news);
	assert_int_equal(w.match.n_gone, 0);
	assert_false(w.v[0].recalled || w.v[0].record);
	dm_match_done(&w.match);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(what_is_as_it_was_needs_no_reading),    UNIT(the_recent_part_is_recalled),
		UNIT(any_difference_makes_it_be_read_again), UNIT(what_came_and_what_went_is_news),
		UNIT(much_that_is_new_begins_a_new_base),    UNIT(without_a_state_all_is_new),
	};

	return UNIT_RUN(tests);
}

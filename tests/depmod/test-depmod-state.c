/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A state is used when it is whole and ours; of its two halves the second counts only beside its
 * first. */
#include "tests/unit.h"
#include "tests/root.h"
#include "src/depmod/depmod-state.h"

static const char strings[] = "kernel/a.ko\0sym_a\0sym_b\0fs-a\0fs_a";

/* A segment with one module that says something of each kind. */
struct facts {
	struct dm_record record;
	struct dm_symbol symbols[2];
	struct dm_alias alias;
	struct dm_extra extra;
	uint32_t exports[1], imports[1], order[1], owner[1];
	struct dm_segment segment;
};

static void init(struct facts *f)
{
	*f = (struct facts){
		.record = { .size = 1,
			    .path_len = 11,
			    .n_exports = 1,
			    .n_imports = 1,
			    .n_aliases = 1,
			    .n_extras = 1,
			    .flags = DM_READ },
		.symbols = { { 12, 5, 1 }, { 18, 5, 2 } },
		.alias = { 24, 4, 29, 4 },
		.extra = { DM_SOFTDEP_EXTRA, 24, 4 },
		.imports = { 1 | DM_WEAK },
	};
	f->segment = (struct dm_segment){
		.strings = strings,
		.n_strings = sizeof(strings),
		.records = &f->record,
		.n_records = 1,
		.symbols = f->symbols,
		.n_symbols = 2,
		.aliases = &f->alias,
		.n_aliases = 1,
		.exports = f->exports,
		.n_exports = 1,
		.imports = f->imports,
		.n_imports = 1,
		.extras = &f->extra,
		.n_extras = 1,
		.alias_order = f->order,
		.n_alias_order = 1,
		.alias_owner = f->owner,
	};
}

static struct dm_buf build(const struct facts *f, const uint32_t *gone, uint32_t n_gone,
			   uint64_t base)
{
	const struct dm_done done = { .flavour = { .version = 30, .xz = true, .id = 7 },
				      .inputs = 8,
				      .scan_rules = 9,
				      .loose = true };
	struct dm_folder folders[] = { { "", 0, 2, 3, 4 }, { "kernel", 6, 5, 6, DM_UNSURE } };
	const struct dm_scan scan = { .folders = folders, .n_folders = 2 };
	struct dm_buf buf;

	assert_int_equal(dm_recent_build(&scan, &f->segment, gone, n_gone, &buf), 0);
	dm_state_seal(&buf, &done, base);
	return buf;
}

static void what_was_written_is_read(void **state)
{
	struct facts f;
	struct dm_state_file file;
	struct dm_buf buf;

	init(&f);
	buf = build(&f, NULL, 0, 0);
	assert_int_equal(dm_state_parse(buf.p, buf.len, NULL, &file), 0);
	assert_true(dm_same_facts(&f.segment, &f.record, &file.segment, file.segment.records));
	assert_string_equal(file.segment.strings + file.segment.records[0].path, "kernel/a.ko");
	assert_int_equal(file.segment.imports[0], 1 | DM_WEAK);
	assert_true(file.done.flavour.xz && !file.done.flavour.gz && file.done.loose);
	assert_int_equal(file.done.flavour.version, 30);
	assert_int_equal(file.done.inputs, 8);
	assert_int_equal(file.done.scan_rules, 9);
	assert_int_equal(file.base, 0);
	assert_int_equal(file.folders.n, 2);
	assert_string_equal(file.folders.paths + file.folders.v[1].path, "kernel");
	assert_int_equal(file.folders.v[0].ctime, 4);
	assert_true(file.folders.v[1].ctime == DM_UNSURE);
	dm_buf_done(&buf);
}

static void any_other_byte_makes_it_nobodys(void **state)
{
	struct facts f;
	struct dm_state_file file;
	struct dm_buf buf;

	init(&f);
	buf = build(&f, NULL, 0, 0);
	for (size_t i = 0; i < buf.len; i++) {
		buf.p[i] ^= 1;
		if (!dm_state_parse(buf.p, buf.len, NULL, &file))
			fail_msg("byte %zu is not looked at", i);
		buf.p[i] ^= 1;
		assert_int_equal(dm_state_parse(buf.p, i, NULL, &file), 1);
	}
	assert_int_equal(dm_state_parse(buf.p, buf.len, NULL, &file), 0);
	dm_buf_done(&buf);
}

static void numbers_out_of_range_are_refused_even_with_right_digests(void **state)
{
	for (int what = 0; what < 12; what++) {
		struct facts f;
		struct dm_state_file file;
		struct dm_buf buf;

		init(&f);
		f.record.path = what == 0 ? 900 : 0;
		f.record.path_len = what == 1 ? 0 : what == 2 ? 10 : 11;
		f.record.n_imports = what == 3 ? 2 : 1;
		f.record.exports = what == 4 ? UINT32_MAX : 0;
		f.symbols[1].name = what == 5 ? sizeof(strings) : 18;
		f.alias.norm_len = what == 6 ? 5 : 4;
		f.exports[0] = what == 7 ? 2 : 0;
		f.imports[0] = what == 8 ? 2 | DM_WEAK : 1 | DM_WEAK;
		f.order[0] = what == 9 ? 1 : 0;
		f.owner[0] = what == 10 ? UINT32_MAX : 0;
		f.extra.len = what == 11 ? 90 : 4;
		buf = build(&f, NULL, 0, 0);
		if (!dm_state_parse(buf.p, buf.len, NULL, &file))
			fail_msg("damage %d was taken", what);
		dm_buf_done(&buf);
	}
}

static void write_both(const struct root *root, const struct dm_buf *base,
		       const struct dm_buf *recent)
{
	assert_int_equal(dm_state_write(root->fd, DM_STATE_NAME, base), 0);
	assert_int_equal(dm_state_write(root->fd, DM_RECENT_NAME, recent), 0);
}

static void the_second_half_counts_beside_its_first_alone(void **state)
{
	static const uint32_t first[] = { 0 }, none[] = { 1 };
	const struct {
		const uint32_t *gone;
		uint64_t other;
		uint32_t n_recent;
	} cases[] = {
		{ first, 0, 1 },
		{ first, 1, 0 } /* of another base */,
		{ none, 0, 0 } /* no such record */
	};
	struct root *root = *state;
	struct facts f;
	struct dm_buf base;

	init(&f);
	base = build(&f, NULL, 0, 0);
	for (size_t i = 0; i < 3; i++) {
		uint64_t id = ((const struct head *)(void *)base.p)->digest + cases[i].other;
		struct dm_buf recent = build(&f, cases[i].gone, 1, id);
		struct dm_state read;

		write_both(root, &base, &recent);
		assert_int_equal(dm_state_read(root->fd, NULL, &read), 0);
		assert_int_equal(read.base.n_records, 1);
		assert_int_equal(read.recent.n_records, cases[i].n_recent);
		assert_int_equal(read.n_gone, cases[i].n_recent);
		dm_state_done(&read);
		/* alone it is nothing */
		assert_int_equal(unlinkat(root->fd, DM_STATE_NAME, 0), 0);
		assert_int_equal(dm_state_read(root->fd, NULL, &read), 1);
		/* nor is it a first one */
		assert_int_equal(dm_state_write(root->fd, DM_STATE_NAME, &recent), 0);
		assert_int_equal(dm_state_read(root->fd, NULL, &read), 1);
		dm_buf_done(&recent);
	}
	dm_buf_done(&base);
}

static void what_is_no_file_is_no_state(void **state)
{
	struct root *root = *state;
	struct dm_state read;

	assert_int_equal(dm_state_read(root->fd, NULL, &read), 1);
	root_link(root, "/etc/passwd", DM_STATE_NAME);
	assert_int_equal(dm_state_read(root->fd, NULL, &read), 1);
	assert_int_equal(unlinkat(root->fd, DM_STATE_NAME, 0), 0);
	assert_int_equal(mkfifoat(root->fd, DM_STATE_NAME, 0644), 0);
	assert_int_equal(dm_state_read(root->fd, NULL, &read), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(what_was_written_is_read),
		UNIT(any_other_byte_makes_it_nobodys),
		UNIT(numbers_out_of_range_are_refused_even_with_right_digests),
		ROOTED(the_second_half_counts_beside_its_first_alone),
		ROOTED(what_is_no_file_is_no_state),
	};

	return UNIT_RUN(tests);
}

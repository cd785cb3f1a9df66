/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A state is used when it is whole and ours; of its two halves the second counts only beside its
 * first. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/module-name.h"
#include "src/depmod/state.h"

static const char strings[] = "kernel/a.ko\0sym_a\0sym_b\0fs-a\0fs_a";

/* A segment with one module that says something of each kind. */
struct facts {
	struct dm_record record;
	struct dm_symbol symbols[2];
	struct dm_alias alias;
	struct dm_extra extra;
	uint32_t exports[1], imports[1], order[1];
};

static void init(struct facts *f)
{
	*f = (struct facts){
		.record = { .numbers.size = 1,
			    .said = 6,
			    .path_len = 11,
			    .n_exports = 1,
			    .n_imports = 1,
			    .n_aliases = 1,
			    .n_extras = 1,
			    .flags = DM_READ },
		.symbols = { { 12, 5 }, { 18, 5 } },
		.alias = { 24, 4, 29, 4 },
		.extra = { DM_SOFTDEP_EXTRA, 24, 4 },
		.imports = { 1 | DM_WEAK },
	};
}

/* A buffer over bytes of others. */
static struct dm_buf view(const void *p, size_t len)
{
	return (struct dm_buf){ (char *)(uintptr_t)p, len, len, false };
}

static struct dm_buf build(const struct facts *f, const uint32_t *gone, uint32_t n_gone,
			   uint64_t base)
{
	const struct dm_done done = {
		.flavor = { .version = 30, .endings = 1 << MF_MODULE_KO_XZ, .id = 7 },
		.inputs = 8,
		.scan_rules = 9,
		.loose = true
	};
	const struct dm_buf parts[DM_N_PARTS] = {
		[DM_PART_RECORDS] = view(&f->record, sizeof(f->record)),
		[DM_PART_SYMBOLS] = view(f->symbols, sizeof(f->symbols)),
		[DM_PART_ALIASES] = view(&f->alias, sizeof(f->alias)),
		[DM_PART_EXPORTS] = view(f->exports, sizeof(f->exports)),
		[DM_PART_IMPORTS] = view(f->imports, sizeof(f->imports)),
		[DM_PART_EXTRAS] = view(&f->extra, sizeof(f->extra)),
		[DM_PART_ALIAS_ORDER] = view(f->order, sizeof(f->order)),
		[DM_PART_GONE] = view(gone, n_gone * sizeof(*gone)),
		[DM_PART_STRINGS] = view(strings, sizeof(strings)),
	};
	struct dm_buf buf;

	assert_int_equal(dm_state_build(parts, &buf), 0);
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
	assert_int_equal(dm_state_parse(buf.p, buf.len, &file), 0);
	assert_int_equal(file.segment.n_records, 1);
	assert_memory_equal(file.segment.records, &f.record, sizeof(f.record));
	assert_string_equal(file.segment.strings + file.segment.records[0].path, "kernel/a.ko");
	assert_int_equal(file.segment.n_symbols, 2);
	assert_string_equal(file.segment.strings + file.segment.symbols[1].name, "sym_b");
	assert_memory_equal(file.segment.aliases, &f.alias, sizeof(f.alias));
	assert_memory_equal(file.segment.extras, &f.extra, sizeof(f.extra));
	assert_int_equal(file.segment.exports[0], 0);
	assert_int_equal(file.segment.imports[0], 1 | DM_WEAK);
	assert_int_equal(file.segment.alias_order[0], 0);
	assert_true(file.head->done.flavor.endings == 1 << MF_MODULE_KO_XZ);
	assert_true(file.head->done.loose);
	assert_int_equal(file.head->done.flavor.version, 30);
	assert_int_equal(file.head->done.inputs, 8);
	assert_int_equal(file.head->done.scan_rules, 9);
	assert_int_equal(file.head->base, 0);
	dm_buf_done(&buf);
}

static void any_other_byte_makes_it_invalid(void **state)
{
	struct facts f;
	struct dm_state_file file;
	struct dm_buf buf;

	init(&f);
	buf = build(&f, NULL, 0, 0);
	for (size_t i = 0; i < buf.len; i++) {
		buf.p[i] ^= 1;
		if (!dm_state_parse(buf.p, buf.len, &file))
			fail_msg("byte %zu is not looked at", i);
		buf.p[i] ^= 1;
		assert_int_equal(dm_state_parse(buf.p, i, &file), 1);
	}
	assert_int_equal(dm_state_parse(buf.p, buf.len, &file), 0);
	dm_buf_done(&buf);
}

static void numbers_out_of_range_are_refused_even_with_right_digests(void **state)
{
	for (int what = 0; what < 11; what++) {
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
		f.extra.len = what == 10 ? 90 : 4;
		buf = build(&f, NULL, 0, 0);
		if (!dm_state_parse(buf.p, buf.len, &file))
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
		uint64_t id =
			((const struct dm_state_head *)(void *)base.p)->digest + cases[i].other;
		struct dm_buf recent = build(&f, cases[i].gone, 1, id);
		struct dm_state read;

		write_both(root, &base, &recent);
		assert_int_equal(dm_state_read(root->fd, &read), 0);
		assert_int_equal(read.base.n_records, 1);
		assert_int_equal(read.recent.n_records, cases[i].n_recent);
		assert_int_equal(read.n_gone, cases[i].n_recent);
		dm_state_done(&read);
		/* alone it is nothing */
		assert_int_equal(unlinkat(root->fd, DM_STATE_NAME, 0), 0);
		assert_int_equal(dm_state_read(root->fd, &read), 1);
		/* nor is it a first one */
		assert_int_equal(dm_state_write(root->fd, DM_STATE_NAME, &recent), 0);
		assert_int_equal(dm_state_read(root->fd, &read), 1);
		dm_buf_done(&recent);
	}
	dm_buf_done(&base);
}

static void what_is_no_file_is_no_state(void **state)
{
	struct root *root = *state;
	struct dm_state read;

	assert_int_equal(dm_state_read(root->fd, &read), 1);
	root_link(root, "/etc/passwd", DM_STATE_NAME);
	assert_int_equal(dm_state_read(root->fd, &read), 1);
	assert_int_equal(unlinkat(root->fd, DM_STATE_NAME, 0), 0);
	assert_int_equal(mkfifoat(root->fd, DM_STATE_NAME, 0644), 0);
	assert_int_equal(dm_state_read(root->fd, &read), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(what_was_written_is_read),
		UNIT(any_other_byte_makes_it_invalid),
		UNIT(numbers_out_of_range_are_refused_even_with_right_digests),
		ROOTED(the_second_half_counts_beside_its_first_alone),
		ROOTED(what_is_no_file_is_no_state),
	};

	return UNIT_RUN(tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a state knows is copied into the new segment as it would be read again. */
#include "tests/unit.h"
#include "tests/root.h"
#include "src/depmod/read.h"

/* A module with a symbol of its own, two that it needs, two aliases and a soft dependency. */
static const char strings[] = "a.ko\0sym_a\0sym_b\0sym_c\0z-1\0z_1\0bad]\0pre: x";

enum { SYM_A = 5, SYM_B = 11, SYM_C = 17, ALIAS = 23, NORM = 27, BAD = 31, SOFTDEP = 36 };

static const struct dm_symbol symbols[] = { { SYM_A, 5 }, { SYM_B, 5 }, { SYM_C, 5 } };
static const struct dm_alias aliases[] = { { ALIAS, 3, NORM, 3 }, { BAD, 4, BAD, DM_NONE } };
static const struct dm_extra extras[] = { { DM_SOFTDEP_EXTRA, SOFTDEP, 6 } };
static const uint32_t exports[] = { 1 }, imports[] = { 2, 0 | DM_WEAK }, order[] = { 0 };
static const struct dm_record record = {
	.numbers = { 1, 2, 3, 4 },
	.said = 77,
	.path_len = 4,
	.n_exports = 1,
	.n_imports = 2,
	.n_aliases = 2,
	.n_extras = 1,
	.flags = DM_READ,
};

struct world {
	struct root root;
	struct dm_tree tree;
	struct dm_segment base;
	struct dm_file files[2];
	struct dm_scan scan;
	struct dm_module v[2];
	struct dm_modules modules;
	struct dm_fresh fresh;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	root_init(&w->root);
	root_write(&w->root, "b.ko", "no module");
	w->tree.fd = w->root.fd;
	w->base = (struct dm_segment){
		.strings = strings,
		.records = &record,
		.symbols = symbols,
		.aliases = aliases,
		.exports = exports,
		.imports = imports,
		.extras = extras,
		.alias_order = order,
		.n_strings = sizeof(strings),
		.n_records = 1,
		.n_symbols = 3,
		.n_aliases = 2,
		.n_exports = 1,
		.n_imports = 2,
		.n_extras = 1,
		.n_alias_order = 1,
	};
	w->files[0] = (struct dm_file){
		.path = "a.ko", .path_len = 4, .numbers = { 1, 2, 3, 4 }, .record = 0
	};
	w->files[1] = (struct dm_file){ .path = "b.ko", .path_len = 4, .record = DM_NONE };
	w->scan.files = w->files;
	w->scan.n = 2;
	w->v[0] = (struct dm_module){
		.file = &w->files[0], .old_segment = &w->base, .old = &record, .recalled = true
	};
	w->v[1] = (struct dm_module){ .file = &w->files[1] };
	w->modules.v = w->v;
	w->modules.n = 2;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	dm_fresh_done(&w->fresh);
	root_done(&w->root);
	free(w);
	return 0;
}

static int read_all(struct world *w, uint32_t n_base)
{
	const struct dm_flavor flavor = { 0 };

	return dm_read(&w->root.ctx, &w->tree, &flavor, &w->scan, n_base, &w->modules, &w->fresh);
}

static const char *symbol(const struct dm_segment *s, uint32_t number)
{
	return s->strings + s->symbols[number & ~DM_WEAK].name;
}

static void what_is_recalled_says_the_same(void **state)
{
	struct world *w = *state;
	const struct dm_segment *s = &w->fresh.segment;
	const struct dm_record *r;

	assert_int_equal(read_all(w, 0), 0);
	r = w->v[0].record;
	assert_ptr_equal(w->v[0].segment, s);
	assert_string_equal(s->strings + r->path, "a.ko");
	assert_int_equal(r->said, 77);
	assert_true(dm_numbers_equal(&r->numbers, &record.numbers));
	assert_int_equal(r->n_exports, 1);
	assert_string_equal(symbol(s, s->exports[r->exports]), "sym_b");
	assert_int_equal(r->n_imports, 2);
	assert_string_equal(symbol(s, s->imports[r->imports]), "sym_c");
	assert_int_equal(s->imports[r->imports] & DM_WEAK, 0);
	assert_string_equal(symbol(s, s->imports[r->imports + 1]), "sym_a");
	assert_int_equal(s->imports[r->imports + 1] & DM_WEAK, DM_WEAK);
	assert_int_equal(r->n_aliases, 2);
	assert_string_equal(s->strings + s->aliases[r->aliases].raw, "z-1");
	assert_string_equal(s->strings + s->aliases[r->aliases].norm, "z_1");
	assert_true(s->aliases[r->aliases + 1].norm_len == DM_NONE);
	assert_int_equal(s->n_alias_order, 1);
	assert_int_equal(r->n_extras, 1);
	assert_string_equal(s->strings + s->extras[r->extras].text, "pre: x");
	/* symbols are numbered in the order of their names */
	for (uint32_t i = 0; i < 3; i++)
		assert_string_equal(symbol(s, i), symbol(&w->base, i));
}

static void what_is_no_module_says_nothing(void **state)
{
	struct world *w = *state;
	const struct dm_record *r;

	assert_int_equal(read_all(w, 0), 0);
	r = w->v[1].record;
	assert_int_equal(r->flags & DM_READ, DM_READ);
	assert_int_equal(r->n_exports + r->n_imports + r->n_aliases + r->n_extras, 0);
	assert_true(r->said != record.said);
}

static void a_file_that_lost_to_another_gets_a_record_unless_the_base_has_one(void **state)
{
	for (uint32_t n_base = 0; n_base < 2; n_base++) {
		struct world *w = *state;

		dm_fresh_done(&w->fresh);
		w->modules.v = &w->v[1];
		w->modules.n = 1;
		w->v[1].record = NULL;
		assert_int_equal(read_all(w, n_base), 0);
		assert_int_equal(w->fresh.segment.n_records, 2 - n_base);
		if (!n_base)
			assert_int_equal(w->fresh.segment.records[1].flags, 0);
	}
}

static void an_alias_is_spelled_as_the_index_has_it(void **state)
{
	static const struct {
		const char *alias, *norm; /* NULL: none has it */
	} cases[] = {
		{ "a-b_c", "a_b_c" },
		{ "", "" },
		{ "a[b-c]-d", "a[b-c]_d" },
		{ "a[b", NULL },
		{ "a]b", NULL },
		{ "a[-]", "a[-]" },
		{ "caf\xc3\xa9", NULL },
		{ "[x][-]-", "[x][-]_" },
	};
	char norm[32];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t n = dm_alias_normalise(cases[i].alias, strlen(cases[i].alias), norm);

		assert_int_equal(n < 0 ? -1 : n,
				 cases[i].norm ? (int64_t)strlen(cases[i].norm) : -1);
		if (n >= 0)
			assert_memory_equal(norm, cases[i].norm, (size_t)n);
	}
}

#define WORLD(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(what_is_recalled_says_the_same),
		WORLD(what_is_no_module_says_nothing),
		WORLD(a_file_that_lost_to_another_gets_a_record_unless_the_base_has_one),
		UNIT(an_alias_is_spelled_as_the_index_has_it),
	};

	return UNIT_RUN(tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who needs whom, from two segments whose symbols have numbers of their own. */
#include "tests/unit.h"
#include "tests/root.h"
#include "src/depmod/graph.h"

#define N 4

/* Modules a and b in the base, c and d fresh; sym_x is known to both segments. */
static const char strings[] = "sym_a\0sym_b\0sym_c\0sym_x";

enum { SYM_A, SYM_B, SYM_C, SYM_X };

struct world {
	struct root root;
	struct dm_symbol symbols[4];
	uint32_t exports[8], imports[8];
	struct dm_record records[N];
	struct dm_segment base, fresh;
	struct dm_file files[N];
	struct dm_module v[N];
	struct dm_modules modules;
	struct dm_graph graph;
};

static struct dm_segment segment(struct world *w, size_t first)
{
	return (struct dm_segment){
		.strings = strings,
		.n_strings = sizeof(strings),
		.symbols = w->symbols,
		.n_symbols = 4,
		.exports = w->exports,
		.imports = w->imports,
		.n_exports = N,
		.n_imports = 2 * N,
		.records = w->records + first,
		.n_records = 2,
	};
}

static int setup(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d" };
	struct world *w = calloc(1, sizeof(*w));

	root_init(&w->root);
	for (uint32_t i = 0; i < 4; i++)
		w->symbols[i] = (struct dm_symbol){ 6 * i, 5 };
	w->base = segment(w, 0);
	w->fresh = segment(w, 2);
	for (uint32_t i = 0; i < N; i++) {
		w->records[i].exports = i;
		w->records[i].imports = 2 * i;
		w->files[i].path = names[i];
		w->v[i] = (struct dm_module){ .file = &w->files[i],
					      .name = names[i],
					      .name_len = 1,
					      .record = &w->records[i],
					      .segment = i < 2 ? &w->base : &w->fresh };
	}
	w->modules.v = w->v;
	w->modules.n = N;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	dm_graph_done(&w->graph);
	root_done(&w->root);
	free(w);
	return 0;
}

static void exports(struct world *w, uint32_t module, uint32_t symbol)
{
	w->records[module].n_exports = 1;
	w->exports[module] = symbol;
}

static void imports(struct world *w, uint32_t module, uint32_t symbol)
{
	w->imports[2 * module + w->records[module].n_imports++] = symbol;
}

static int build(struct world *w)
{
	return dm_graph_build(&w->root.ctx, &w->modules, &w->base, &w->fresh, &w->graph);
}

static void a_symbol_leads_to_its_module_across_segments(void **state)
{
	struct world *w = *state;

	exports(w, 0, SYM_A);
	imports(w, 2, SYM_A);
	exports(w, 2, SYM_C);
	imports(w, 1, SYM_C | DM_WEAK);
	assert_int_equal(build(w), 0);
	assert_int_equal(w->v[2].n_deps, 1);
	assert_int_equal(w->v[2].deps[0], 0);
	/* a weak need is one, where a module exports it */
	assert_int_equal(w->v[1].n_deps, 1);
	assert_int_equal(w->v[1].deps[0], 2);
	assert_int_equal(w->v[0].n_deps + w->v[3].n_deps, 0);
	assert_int_equal(w->v[0].users, 1);
	assert_true(w->v[1].rank < w->v[2].rank && w->v[2].rank < w->v[0].rank);
}

static void of_two_owners_the_later_module_counts(void **state)
{
	struct world *w = *state;

	exports(w, 0, SYM_X);
	exports(w, 3, SYM_X);
	imports(w, 1, SYM_X);
	assert_int_equal(build(w), 0);
	assert_int_equal(w->v[1].n_deps, 1);
	assert_int_equal(w->v[1].deps[0], 3);
}

static void two_symbols_of_one_module_are_one_need(void **state)
{
	struct world *w = *state;

	exports(w, 0, SYM_A);
	imports(w, 2, SYM_A);
	imports(w, 2, SYM_A);
	imports(w, 1, SYM_B);
	assert_int_equal(build(w), 0);
	assert_int_equal(w->v[2].n_deps, 1);
	/* no module exports that one */
	assert_int_equal(w->v[1].n_deps, 0);
}

static void a_ring_has_no_order(void **state)
{
	struct world *w = *state;

	exports(w, 0, SYM_A);
	exports(w, 1, SYM_B);
	exports(w, 2, SYM_C);
	imports(w, 0, SYM_B);
	imports(w, 1, SYM_C);
	imports(w, 2, SYM_A);
	imports(w, 3, SYM_A);
	assert_int_equal(build(w), -MFE_DEPMOD);
	assert_null(w->graph.owner);
}

static void one_that_needs_itself_is_a_ring(void **state)
{
	struct world *w = *state;

	exports(w, 3, SYM_X);
	imports(w, 3, SYM_X);
	assert_int_equal(build(w), -MFE_DEPMOD);
}

#define WORLD(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(a_symbol_leads_to_its_module_across_segments),
		WORLD(of_two_owners_the_later_module_counts),
		WORLD(two_symbols_of_one_module_are_one_need),
		WORLD(a_ring_has_no_order),
		WORLD(one_that_needs_itself_is_a_ring),
	};

	return UNIT_RUN(tests);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who needs whom: symbols to the modules that export them, and an order in which every module comes
 * before those it needs.
 *
 * Symbols are numbers: those of the base segment keep theirs, new ones follow, so that resolving
 * the 190,000 imports of a full kernel is as many array look-ups. Of two modules that export one
 * symbol the later in the modules' order owns it. A symbol that no module exports is the kernel's,
 * or missing: the loader reports that.
 *
 * The order decides how the dependencies of a module are listed, so it is depmod's: modules that no other
 * needs are taken from the end of a stack, and what only they needed goes on it. What is left over
 * then lies in cycles, or is needed by one; each cycle is reported, and there is no result.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "graph.h"

#define CYCLES_MAX 1000 /* reported of one module */

static int find_symbol(const struct dm_segment *s, const char *name, uint32_t *ret_symbol)
{
	uint32_t low = 0, high = s->n_symbols;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int c = strcmp(name, s->strings + s->symbols[middle].name);

		if (!c) {
			*ret_symbol = middle;
			return 0;
		}
		if (c < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return -ENOENT;
}

/* Gives the fresh segment's symbols their numbers. */
static int number_symbols(struct dm_graph *graph)
{
	uint32_t n = graph->fresh->n_symbols;
	uint32_t *ids = mf_arena_alloc(&graph->arena, (n + 1) * sizeof(*ids));

	if (!ids)
		return -ENOMEM;
	graph->n_symbols = graph->n_base = graph->base->n_symbols;
	for (uint32_t i = 0; i < n; i++)
		if (find_symbol(graph->base, graph->fresh->strings + graph->fresh->symbols[i].name,
				&ids[i]) < 0)
			ids[i] = graph->n_symbols++;
	graph->fresh_ids = ids;
	return 0;
}

static int graph_find_owners(struct dm_graph *graph, struct dm_modules *modules)
{
	size_t len = ((size_t)graph->n_symbols + 1) * sizeof(*graph->owner);

	graph->owner = mf_arena_alloc(&graph->arena, len);
	if (!graph->owner)
		return -ENOMEM;
	memset(graph->owner, 0xff, len);
	for (size_t i = 0; i < modules->n; i++) {
		struct dm_module *m = &modules->v[i];
		const uint32_t *exports = m->segment->exports + m->record->exports;

		m->symbol_ids = m->segment == graph->fresh ? graph->fresh_ids : NULL;
		for (uint32_t k = 0; k < m->record->n_exports; k++)
			graph->owner[m->symbol_ids ? m->symbol_ids[exports[k]] : exports[k]] =
				(uint32_t)i;
	}
	return 0;
}

static void report_need(struct mf_context *ctx, const struct dm_modules *modules,
			const struct dm_module *m, uint32_t symbol, uint32_t owner)
{
	if (ctx->log_level >= MF_LOG_DEBUG)
		mf_log(ctx, MF_LOG_DEBUG, "%s needs \"%s\": %s", m->file->path,
		       m->segment->strings + m->segment->symbols[symbol].name,
		       modules->v[owner].file->path);
}

/* The modules that module I needs itself, in the order of its imports; SEEN marks them. */
static int find_deps(struct mf_context *ctx, struct dm_graph *graph, struct dm_modules *modules,
		     uint32_t i, uint32_t *seen, uint32_t *list)
{
	struct dm_module *m = &modules->v[i];
	const uint32_t *imports = m->segment->imports + m->record->imports;
	uint32_t n = 0;

	for (uint32_t k = 0; k < m->record->n_imports; k++) {
		uint32_t symbol = imports[k] & ~DM_WEAK;
		uint32_t owner = graph->owner[m->symbol_ids ? m->symbol_ids[symbol] : symbol];

		if (owner == DM_NONE || seen[owner] == i)
			continue;
		seen[owner] = i;
		list[n++] = owner;
		modules->v[owner].users++;
		report_need(ctx, modules, m, symbol, owner);
	}
	m->n_deps = n;
	if (!n)
		return 0;
	m->deps = mf_arena_alloc(&graph->arena, n * sizeof(*list));
	if (!m->deps)
		return -ENOMEM;
	memcpy(m->deps, list, n * sizeof(*list));
	return 0;
}

static int find_all_deps(struct mf_context *ctx, struct dm_graph *graph, struct dm_modules *modules)
{
	_cleanup_free_ uint32_t *seen = reallocarray(NULL, modules->n + 1, sizeof(*seen));
	_cleanup_free_ uint32_t *list = reallocarray(NULL, modules->n + 1, sizeof(*list));

	if (!seen || !list)
		return -ENOMEM;
	memset(seen, 0xff, (modules->n + 1) * sizeof(*seen));
	for (size_t i = 0; i < modules->n; i++) {
		int r = find_deps(ctx, graph, modules, (uint32_t)i, seen, list);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Ranks the modules; USERS is counted down, what stays above 0 has no rank. How many got one. */
static size_t rank_modules(struct dm_modules *modules, uint32_t *users, uint32_t *stack)
{
	size_t n = 0;
	uint32_t rank = 0;

	for (size_t i = 0; i < modules->n; i++) {
		users[i] = modules->v[i].users;
		modules->v[i].rank = DM_NONE;
		if (!users[i])
			stack[n++] = (uint32_t)i;
	}
	while (n) {
		struct dm_module *m = &modules->v[stack[--n]];

		m->rank = rank++;
		for (uint32_t k = 0; k < m->n_deps; k++)
			if (!--users[m->deps[k]])
				stack[n++] = m->deps[k];
	}
	return rank;
}

/* A walk from one module that looks for ways back to it. */
struct hunt {
	struct mf_context *ctx;
	const struct dm_modules *modules;
	uint32_t root;
	uint32_t *path; /* modules on the way */
	uint8_t *on_path;
	uint8_t *reported; /* those in a cycle that was reported */
	size_t n_reported;
	/* those still to be begun from: a ring, in which the first one is begun from next */
	uint32_t *next, *before;
	uint32_t first; /* DM_NONE: it is empty */
	uint8_t *dead;	/* those from which no way leads back to the root */
	size_t n_cycles;
};

/*
 * Takes a module out of the ring, if it is there. The one after it is then the first, wherever it
 * was: this decides which module of a later cycle is named first, so it is as depmod has it.
 */
static void take_out(struct hunt *h, uint32_t m)
{
	uint32_t next = h->next[m];

	if (next == DM_NONE)
		return;
	h->next[h->before[m]] = next;
	h->before[next] = h->before[m];
	h->first = next == m ? DM_NONE : next;
	h->next[m] = DM_NONE;
}

static void report_cycle(struct hunt *h, size_t depth)
{
	_cleanup_(dm_buf_done) struct dm_buf line = { 0 };

	for (size_t i = 0; i < depth; i++) {
		uint32_t m = h->path[i];

		dm_buf_adds(&line, h->modules->v[m].name);
		dm_buf_adds(&line, " -> ");
		h->n_reported += !h->reported[m];
		h->reported[m] = 1;
		take_out(h, m);
	}
	dm_buf_adds(&line, h->modules->v[h->root].name);
	dm_buf_add(&line, "", 1);
	if (!line.failed)
		mf_log(h->ctx, MF_LOG_ERROR, "Cycle detected: %s", line.p);
	h->n_cycles++;
}

/*
 * Depth first, the last dependency first as depmod has it. True if the root was reached; a module
 * that does not lead there is not entered again, so this ends.
 */
static bool hunt_from(struct hunt *h, uint32_t m, size_t depth)
{
	const struct dm_module *module = &h->modules->v[m];
	bool found = false, cut = false;

	h->path[depth++] = m;
	h->on_path[m] = 1;
	if (!module->n_deps)
		take_out(h, m);
	for (uint32_t k = module->n_deps; k-- && h->n_cycles < CYCLES_MAX;) {
		uint32_t dep = module->deps[k];

		if (dep == h->root) {
			report_cycle(h, depth);
			found = true;
		} else if (h->on_path[dep]) {
			cut = true;
		} else if (!h->dead[dep] && h->modules->v[dep].rank == DM_NONE) {
			found |= hunt_from(h, dep, depth);
		}
	}
	h->on_path[m] = 0;
	/* one whose only way was blocked by the path itself may yet lead there */
	if (!found && !cut)
		h->dead[m] = 1;
	return found;
}

/* Puts the modules without a rank into the ring, in their order. */
static void fill_ring(struct hunt *h)
{
	uint32_t last = DM_NONE;

	h->first = DM_NONE;
	for (uint32_t i = 0; i < h->modules->n; i++) {
		h->next[i] = DM_NONE;
		if (h->modules->v[i].rank != DM_NONE)
			continue;
		if (h->first == DM_NONE)
			h->first = last = i;
		h->next[last] = i;
		h->before[i] = last;
		h->next[i] = h->first;
		h->before[h->first] = i;
		last = i;
	}
}

static int report_cycles(struct mf_context *ctx, const struct dm_modules *modules)
{
	size_t n = modules->n;
	_cleanup_free_ uint32_t *numbers = reallocarray(NULL, n + 1, 3 * sizeof(*numbers));
	_cleanup_free_ uint8_t *marks = calloc(n + 1, 3);
	struct hunt h = { .ctx = ctx, .modules = modules };

	if (!numbers || !marks)
		return -ENOMEM;
	h.path = numbers;
	h.next = numbers + n;
	h.before = numbers + 2 * n;
	h.on_path = marks;
	h.reported = marks + n;
	h.dead = marks + 2 * n;
	fill_ring(&h);
	while (h.first != DM_NONE) {
		h.root = h.first;
		h.n_cycles = 0;
		memset(h.dead, 0, n);
		take_out(&h, h.root);
		hunt_from(&h, h.root, 0);
	}
	mf_log(ctx, MF_LOG_ERROR, "Found %zu modules in dependency cycles!", h.n_reported);
	return -MFE_DEPMOD;
}

static int rank_or_report(struct mf_context *ctx, struct dm_modules *modules)
{
	_cleanup_free_ uint32_t *users = reallocarray(NULL, modules->n + 1, sizeof(*users));
	_cleanup_free_ uint32_t *stack = reallocarray(NULL, modules->n + 1, sizeof(*stack));

	if (!users || !stack)
		return -ENOMEM;
	return rank_modules(modules, users, stack) < modules->n ? report_cycles(ctx, modules) : 0;
}

int dm_graph_build(struct mf_context *ctx, struct dm_modules *modules,
		   const struct dm_segment *base, const struct dm_segment *fresh,
		   struct dm_graph *ret_graph)
{
	_cleanup_(dm_graph_done) struct dm_graph graph = { .base = base, .fresh = fresh };
	int r = number_symbols(&graph);

	if (r >= 0)
		r = graph_find_owners(&graph, modules);
	if (r >= 0)
		r = find_all_deps(ctx, &graph, modules);
	if (r >= 0)
		r = rank_or_report(ctx, modules);
	if (r < 0)
		return r;
	*ret_graph = graph;
	graph = (struct dm_graph){ 0 };
	return 0;
}

void dm_graph_done(struct dm_graph *graph)
{
	mf_arena_done(&graph->arena);
	*graph = (struct dm_graph){ 0 };
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making a new state from an old one and what was read since.
 *
 * Facts come from two segments: the base (the last state) and the fresh one. Both have their
 * symbols and aliases sorted, so that the new ones are merges; modules are copied with their
 * symbols renumbered, and what no module uses any more is left behind.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "src/depmod/depmod-state.h"

/* One of the two segments facts come from, and the new numbers of its symbols and aliases. */
struct source {
	const struct dm_segment *segment;
	const uint32_t *ids; /* in the graph; NULL: the same */
	uint32_t *alias;     /* DM_NONE: left out */
	uint32_t *symbol;    /* of a symbol, its new number */
};

struct builder {
	struct source sources[2]; /* base, fresh */
	const struct dm_scan *scan;
	uint8_t *used; /* by graph id */
	struct dm_buf parts[N_PARTS];
	struct mf_arena arena;
};

static uint32_t count(const struct builder *b, enum part part)
{
	return (uint32_t)(b->parts[part].len / part_size(part));
}

static void add(struct builder *b, enum part part, const void *item)
{
	dm_buf_add(&b->parts[part], item, part_size(part));
}

static uint32_t add_string(struct builder *b, const char *s, uint32_t len)
{
	uint32_t at = (uint32_t)b->parts[STRINGS].len;

	dm_buf_add(&b->parts[STRINGS], s, len);
	dm_buf_add(&b->parts[STRINGS], "", 1);
	return at;
}

static uint32_t graph_id(const struct source *src, uint32_t symbol)
{
	return src->ids ? src->ids[symbol] : symbol;
}

static const struct source *source_of(const struct builder *b, const struct dm_module *m)
{
	return &b->sources[m->segment == b->sources[1].segment];
}

static void mark_used(struct builder *b, const struct dm_module *m)
{
	const struct source *src = source_of(b, m);
	const struct dm_record *r = m->record;

	for (uint32_t i = 0; i < r->n_exports; i++)
		b->used[graph_id(src, src->segment->exports[r->exports + i])] = 1;
	for (uint32_t i = 0; i < r->n_imports; i++)
		b->used[graph_id(src, src->segment->imports[r->imports + i] & ~DM_WEAK)] = 1;
}

static void add_symbol(struct builder *b, const struct source *src, uint32_t i)
{
	struct dm_symbol symbol = src->segment->symbols[i];

	if (!b->used[graph_id(src, i)])
		return;
	src->symbol[i] = count(b, SYMBOLS);
	symbol.name = add_string(b, src->segment->strings + symbol.name, symbol.len);
	add(b, SYMBOLS, &symbol);
}

/* Merges the two sorted lists; a name in both gets one number. */
static void merge_symbols(struct builder *b)
{
	const struct source *base = &b->sources[0], *fresh = &b->sources[1];
	uint32_t i = 0, k = 0;

	while (i < base->segment->n_symbols || k < fresh->segment->n_symbols) {
		int c = i >= base->segment->n_symbols ? 1
			: k >= fresh->segment->n_symbols
				? -1
				: strcmp(base->segment->strings + base->segment->symbols[i].name,
					 fresh->segment->strings + fresh->segment->symbols[k].name);

		if (c <= 0)
			add_symbol(b, base, i);
		else
			add_symbol(b, fresh, k);
		if (!c)
			fresh->symbol[k] = base->symbol[i];
		i += c <= 0;
		k += c >= 0;
	}
}

static void add_aliases(struct builder *b, const struct source *src, const struct dm_record *r)
{
	uint32_t owner = count(b, RECORDS);

	for (uint32_t i = r->aliases; i < r->aliases + r->n_aliases; i++) {
		struct dm_alias a = src->segment->aliases[i];
		bool same = a.norm == a.raw;

		src->alias[i] = count(b, ALIASES);
		a.raw = add_string(b, src->segment->strings + a.raw, a.raw_len);
		if (same || a.norm_len == DM_NONE)
			a.norm = a.raw;
		else
			a.norm = add_string(b, src->segment->strings + a.norm, a.norm_len);
		add(b, ALIASES, &a);
		add(b, ALIAS_OWNER, &owner);
	}
}

/* Copies the symbol lists of a module, renumbered. */
static void add_links(struct builder *b, enum part part, const struct source *src,
		      const uint32_t *links, uint32_t n)
{
	uint32_t *to = (uint32_t *)(void *)dm_buf_reserve(&b->parts[part], n * sizeof(*to));

	if (!to)
		return;
	for (uint32_t i = 0; i < n; i++)
		to[i] = src->symbol[links[i] & ~DM_WEAK] | (links[i] & DM_WEAK);
	b->parts[part].len += n * sizeof(*to);
}

static void add_facts(struct builder *b, const struct dm_module *m, struct dm_record *to)
{
	const struct source *src = source_of(b, m);
	const struct dm_record *r = m->record;

	to->exports = count(b, EXPORTS);
	to->imports = count(b, IMPORTS);
	to->aliases = count(b, ALIASES);
	to->extras = count(b, EXTRAS);
	to->n_exports = r->n_exports;
	to->n_imports = r->n_imports;
	to->n_aliases = r->n_aliases;
	to->n_extras = r->n_extras;
	to->flags |= r->flags & (DM_READ | DM_RACY | DM_UNREADABLE);
	add_links(b, EXPORTS, src, src->segment->exports + r->exports, r->n_exports);
	add_links(b, IMPORTS, src, src->segment->imports + r->imports, r->n_imports);
	add_aliases(b, src, r);
	for (uint32_t i = 0; i < r->n_extras; i++) {
		struct dm_extra e = src->segment->extras[r->extras + i];

		e.text = add_string(b, src->segment->strings + e.text, e.len);
		add(b, EXTRAS, &e);
	}
}

static void add_file(struct builder *b, const struct dm_file *file, const struct dm_module *m)
{
	struct dm_record record = {
		.size = file->size,
		.inode = file->inode,
		.mtime = file->mtime,
		.ctime = file->ctime,
		.path_len = file->path_len,
		.flags = (file->external ? DM_EXTERNAL : 0) | (file->linked ? DM_LINKED : 0),
	};

	record.path = add_string(b, file->path, file->path_len);
	if (m)
		add_facts(b, m, &record);
	add(b, RECORDS, &record);
}

static int compare_norm(const struct dm_segment *s, uint32_t i, const struct dm_segment *t,
			uint32_t k)
{
	const struct dm_alias *a = &s->aliases[i], *b = &t->aliases[k];
	uint32_t n = a->norm_len < b->norm_len ? a->norm_len : b->norm_len;
	int c = memcmp(s->strings + a->norm, t->strings + b->norm, n);

	return c ? c : a->norm_len < b->norm_len ? -1 : a->norm_len > b->norm_len;
}

static void merge_aliases(struct builder *b)
{
	const struct source *base = &b->sources[0], *fresh = &b->sources[1];
	uint32_t i = 0, k = 0;

	while (i < base->segment->n_alias_order || k < fresh->segment->n_alias_order) {
		uint32_t x = i < base->segment->n_alias_order ? base->segment->alias_order[i] : 0;
		uint32_t y = k < fresh->segment->n_alias_order ? fresh->segment->alias_order[k] : 0;
		bool first = k >= fresh->segment->n_alias_order ||
			     (i < base->segment->n_alias_order &&
			      compare_norm(base->segment, x, fresh->segment, y) <= 0);
		uint32_t number = first ? base->alias[x] : fresh->alias[y];

		if (number != DM_NONE)
			add(b, ALIAS_ORDER, &number);
		i += first;
		k += !first;
	}
}

/* The module whose file it is, or NULL: the numbers of SCAN and MODULES both follow the files. */
static const struct dm_module *module_of(const struct dm_modules *modules, const uint32_t *by_file,
					 size_t i)
{
	return by_file[i] == DM_NONE ? NULL : &modules->v[by_file[i]];
}

static int allocate(struct builder *b, const struct dm_graph *graph)
{
	for (size_t i = 0; i < 2; i++) {
		struct source *src = &b->sources[i];

		src->segment = i ? graph->fresh : graph->base;
		src->ids = i ? graph->fresh_ids : NULL;
		src->alias =
			mf_arena_alloc(&b->arena, (src->segment->n_aliases + 1) * sizeof(uint32_t));
		src->symbol =
			mf_arena_alloc(&b->arena, (src->segment->n_symbols + 1) * sizeof(uint32_t));
		if (!src->alias || !src->symbol)
			return -ENOMEM;
		memset(src->alias, 0xff, src->segment->n_aliases * sizeof(uint32_t));
	}
	b->used = mf_arena_alloc(&b->arena, graph->n_symbols + 1);
	if (!b->used)
		return -ENOMEM;
	memset(b->used, 0, graph->n_symbols + 1);
	/* one large file is much like the next */
	dm_buf_reserve(&b->parts[STRINGS], graph->base->n_strings + graph->fresh->n_strings);
	dm_buf_reserve(&b->parts[IMPORTS],
		       sizeof(uint32_t) * (graph->base->n_imports + graph->fresh->n_imports));
	return 0;
}

int dm_state_assemble(const struct dm_buf parts[N_PARTS], struct dm_buf *ret_state)
{
	struct head head = {
		.magic = DM_STATE_MAGIC,
		.version = DM_STATE_VERSION,
		.byte_order = DM_STATE_BYTE_ORDER,
	};
	struct dm_buf buf = { 0 };

	for (enum part p = RECORDS; p < N_PARTS; p++) {
		if (parts[p].failed || parts[p].len > UINT32_MAX)
			return -ENOMEM;
		head.counts[p] = (uint32_t)(parts[p].len / part_size(p));
	}
	head.len = part_at(&head, N_PARTS);
	if (!dm_buf_reserve(&buf, head.len))
		return -ENOMEM;
	dm_buf_add(&buf, &head, sizeof(head));
	for (enum part p = RECORDS; p < N_PARTS; p++) {
		static const char zeros[8] = { 0 };

		dm_buf_add(&buf, parts[p].p, parts[p].len);
		dm_buf_add(&buf, zeros, part_bytes(&head, p) - parts[p].len);
	}
	*ret_state = buf;
	return 0;
}

static void add_folders(const struct dm_scan *scan, struct dm_buf *folders, struct dm_buf *paths)
{
	for (size_t i = 0; i < scan->n_folders; i++) {
		const struct dm_folder *f = &scan->folders[i];
		struct dm_folder_record record = {
			.inode = f->inode,
			.mtime = f->mtime,
			.ctime = f->ctime,
			.path = (uint32_t)paths->len,
			.path_len = f->path_len,
		};

		dm_buf_add(paths, f->path, f->path_len + 1);
		dm_buf_add(folders, &record, sizeof(record));
	}
}

/* A buffer over bytes of others. */
static struct dm_buf view(const void *p, size_t len)
{
	return (struct dm_buf){ (char *)(uintptr_t)p, len, len, false };
}

int dm_recent_build(const struct dm_scan *scan, const struct dm_segment *fresh,
		    const uint32_t *gone, uint32_t n_gone, struct dm_buf *ret_state)
{
	struct dm_buf parts[N_PARTS] = {
		[RECORDS] = view(fresh->records, fresh->n_records * sizeof(*fresh->records)),
		[SYMBOLS] = view(fresh->symbols, fresh->n_symbols * sizeof(*fresh->symbols)),
		[ALIASES] = view(fresh->aliases, fresh->n_aliases * sizeof(*fresh->aliases)),
		[EXPORTS] = view(fresh->exports, fresh->n_exports * sizeof(uint32_t)),
		[IMPORTS] = view(fresh->imports, fresh->n_imports * sizeof(uint32_t)),
		[EXTRAS] = view(fresh->extras, fresh->n_extras * sizeof(*fresh->extras)),
		[ALIAS_ORDER] = view(fresh->alias_order, fresh->n_alias_order * sizeof(uint32_t)),
		[ALIAS_OWNER] = view(fresh->alias_owner, fresh->n_aliases * sizeof(uint32_t)),
		[GONE] = view(gone, n_gone * sizeof(*gone)),
		[STRINGS] = view(fresh->strings, fresh->n_strings),
	};
	int r;

	add_folders(scan, &parts[FOLDERS], &parts[FOLDER_PATHS]);
	r = dm_state_assemble(parts, ret_state);
	dm_buf_done(&parts[FOLDERS]);
	dm_buf_done(&parts[FOLDER_PATHS]);
	return r;
}

static int build(struct builder *b, const struct dm_modules *modules, const struct dm_graph *graph,
		 struct dm_buf *ret_state)
{
	uint32_t *by_file = mf_arena_alloc(&b->arena, (b->scan->n + 1) * sizeof(*by_file));
	int r = allocate(b, graph);

	if (!by_file || r < 0)
		return -ENOMEM;
	memset(by_file, 0xff, b->scan->n * sizeof(*by_file));
	for (size_t i = 0; i < modules->n; i++) {
		by_file[modules->v[i].file - b->scan->files] = (uint32_t)i;
		mark_used(b, &modules->v[i]);
	}
	merge_symbols(b);
	for (size_t i = 0; i < b->scan->n; i++)
		add_file(b, &b->scan->files[i], module_of(modules, by_file, i));
	merge_aliases(b);
	add_folders(b->scan, &b->parts[FOLDERS], &b->parts[FOLDER_PATHS]);
	return dm_state_assemble(b->parts, ret_state);
}

int dm_state_build(const struct dm_scan *scan, const struct dm_modules *modules,
		   const struct dm_graph *graph, struct dm_buf *ret_state)
{
	struct builder b = { .scan = scan };
	int r = build(&b, modules, graph, ret_state);

	for (enum part p = RECORDS; p < N_PARTS; p++)
		dm_buf_done(&b.parts[p]);
	mf_arena_done(&b.arena);
	return r;
}

static bool same_links(const struct dm_segment *s, const uint32_t *a, const struct dm_segment *t,
		       const uint32_t *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if ((a[i] & DM_WEAK) != (b[i] & DM_WEAK) ||
		    strcmp(s->strings + s->symbols[a[i] & ~DM_WEAK].name,
			   t->strings + t->symbols[b[i] & ~DM_WEAK].name) != 0)
			return false;
	return true;
}

static bool same_aliases(const struct dm_segment *s, const struct dm_alias *a,
			 const struct dm_segment *t, const struct dm_alias *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (strcmp(s->strings + a[i].raw, t->strings + b[i].raw) != 0)
			return false;
	return true;
}

static bool same_extras(const struct dm_segment *s, const struct dm_extra *a,
			const struct dm_segment *t, const struct dm_extra *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (a[i].kind != b[i].kind ||
		    strcmp(s->strings + a[i].text, t->strings + b[i].text) != 0)
			return false;
	return true;
}

bool dm_same_facts(const struct dm_segment *s, const struct dm_record *a,
		   const struct dm_segment *t, const struct dm_record *b)
{
	return (a->flags & DM_READ) && a->n_exports == b->n_exports &&
	       a->n_imports == b->n_imports && a->n_aliases == b->n_aliases &&
	       a->n_extras == b->n_extras &&
	       same_links(s, s->exports + a->exports, t, t->exports + b->exports, a->n_exports) &&
	       same_links(s, s->imports + a->imports, t, t->imports + b->imports, a->n_imports) &&
	       same_aliases(s, s->aliases + a->aliases, t, t->aliases + b->aliases, a->n_aliases) &&
	       same_extras(s, s->extras + a->extras, t, t->extras + b->extras, a->n_extras);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The indexes that come from modules: dependencies, aliases, symbols; each as text and as a trie.
 *
 * The text of an index is made first; the trie's keys and values then point into it, or into the
 * segments, so that no string is copied twice. A value's priority is the module's number. Symbols
 * and aliases are sorted in the segments already, and only merged here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/trie.h"
#include "src/depmod/depmod-parts.h"

#define SYMBOL_BUCKETS 2048
#define AHEAD	       ((size_t)4) /* keys that are on their way */
#define INSERTED       32	   /* dependencies sorted by the simplest way */

static int make_trie(const struct mf_trie_entry *entries, size_t n, struct dm_buf *index)
{
	void *p = NULL;
	int r = mf_trie_write(entries, n, &p, &index->len);

	index->p = p;
	return r;
}

/* A walk through what a module needs, near and far. */
struct closure {
	const struct dm_modules *modules;
	uint32_t *seen; /* number of the module asked for, by module */
	uint64_t *list; /* rank and number */
	uint32_t n;
};

static void collect(struct closure *c, uint32_t of, uint32_t stamp)
{
	const struct dm_module *m = &c->modules->v[of];

	for (uint32_t k = 0; k < m->n_deps; k++) {
		uint32_t dep = m->deps[k];

		if (c->seen[dep] == stamp)
			continue;
		c->seen[dep] = stamp;
		c->list[c->n++] = (uint64_t)c->modules->v[dep].rank << 32 | dep;
		collect(c, dep, stamp);
	}
}

static int by_value(const void *va, const void *vb)
{
	const uint64_t *a = va, *b = vb;

	return *a < *b ? -1 : *a > *b;
}

/* By their ranks, which are the upper halves; most lists are short. */
static void sort_deps(uint64_t *v, size_t n)
{
	if (n > INSERTED) {
		qsort(v, n, sizeof(*v), by_value);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		uint64_t moved = v[i];
		size_t k = i;

		for (; k && v[k - 1] > moved; k--)
			v[k] = v[k - 1];
		v[k] = moved;
	}
}

static void add_dep_line(struct closure *c, uint32_t i, struct dm_buf *text)
{
	const struct dm_file *file = c->modules->v[i].file;

	c->n = 0;
	collect(c, i, i);
	sort_deps(c->list, c->n);
	dm_buf_add(text, file->path, file->path_len);
	dm_buf_add(text, ":", 1);
	for (uint32_t k = 0; k < c->n; k++) {
		const struct dm_file *dep = c->modules->v[(uint32_t)c->list[k]].file;

		dm_buf_add(text, " ", 1);
		dm_buf_add(text, dep->path, dep->path_len);
	}
	dm_buf_add(text, "\n", 1);
}

/* A module to be sorted by name: the first eight bytes decide most comparisons. */
struct named {
	uint64_t head;
	uint32_t number;
};

static int by_name(const void *va, const void *vb, void *arg)
{
	const struct dm_modules *modules = arg;
	const struct named *a = va, *b = vb;

	if (a->head != b->head)
		return a->head < b->head ? -1 : 1;
	return strcmp(modules->v[a->number].name, modules->v[b->number].name);
}

static struct named *sort_names(const struct dm_modules *modules)
{
	struct named *v = reallocarray(NULL, modules->n + 1, sizeof(*v));

	if (!v)
		return NULL;
	for (size_t i = 0; i < modules->n; i++) {
		const struct dm_module *m = &modules->v[i];

		v[i] = (struct named){ 0, (uint32_t)i };
		for (size_t k = 0; k < 8; k++)
			v[i].head =
				v[i].head << 8 | (k < m->name_len ? (unsigned char)m->name[k] : 0);
	}
	if (modules->n > 1)
		qsort_r(v, modules->n, sizeof(*v), by_name, (void *)(uintptr_t)modules);
	return v;
}

/* Can the index hold it? */
static bool is_ascii(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] > 127)
			return false;
	return true;
}

/* LINES says where each module's line begins in the text, and where the last one ends. */
static int make_dep_trie(const struct dm_modules *modules, const struct dm_buf *text,
			 const size_t *lines, struct dm_buf *index)
{
	_cleanup_free_ struct mf_trie_entry *entries = calloc(modules->n + 1, sizeof(*entries));
	_cleanup_free_ struct named *names = sort_names(modules);
	size_t n = 0;

	if (!entries || !names)
		return -ENOMEM;
	for (size_t k = 0; k < modules->n; k++) {
		uint32_t i = names[k].number;
		const struct dm_module *m = &modules->v[i];

		if (!is_ascii(m->name, m->name_len))
			continue;
		entries[n++] = (struct mf_trie_entry){
			.key = m->name,
			.key_len = m->name_len,
			.value = text->p + lines[i],
			.value_len = (uint32_t)(lines[i + 1] - lines[i] - 1),
			.priority = i,
		};
	}
	return make_trie(entries, n, index);
}

int dm_text_dep(const struct dm_source *src, struct dm_buf *indexes)
{
	const struct dm_modules *modules = src->modules;
	struct dm_buf *text = &indexes[DM_DEP];
	_cleanup_free_ uint32_t *seen = reallocarray(NULL, modules->n + 1, sizeof(*seen));
	_cleanup_free_ uint64_t *list = reallocarray(NULL, modules->n + 1, sizeof(*list));
	_cleanup_free_ size_t *lines = reallocarray(NULL, modules->n + 2, sizeof(*lines));
	struct closure c = { .modules = modules, .seen = seen, .list = list };

	if (!seen || !list || !lines)
		return -ENOMEM;
	memset(seen, 0xff, (modules->n + 1) * sizeof(*seen));
	for (size_t i = 0; i < modules->n; i++) {
		lines[i] = text->len;
		add_dep_line(&c, (uint32_t)i, text);
	}
	lines[modules->n] = text->len;
	if (text->failed)
		return -ENOMEM;
	return make_dep_trie(modules, text, lines, &indexes[DM_DEP_BIN]);
}

const struct dm_alias *dm_aliases_of(const struct dm_module *m, uint32_t *ret_n)
{
	*ret_n = m->record->n_aliases;
	return m->segment->aliases + m->record->aliases;
}

/* "alias <pattern> <module>\n" */
static void add_alias_line(struct dm_buf *text, const char *pattern, size_t len,
			   const struct dm_module *m)
{
	char *p = dm_buf_reserve(text, 6 + len + 1 + m->name_len + 1);

	if (!p)
		return;
	p = mempcpy(p, "alias ", 6);
	p = mempcpy(p, pattern, len);
	*p++ = ' ';
	p = mempcpy(p, m->name, m->name_len);
	*p++ = '\n';
	text->len = (size_t)(p - text->p);
}

/* The module of each record of a segment; DM_NONE where the record is out of use. */
static uint32_t *module_by_record(const struct dm_modules *modules, const struct dm_segment *s)
{
	uint32_t *v = reallocarray(NULL, s->n_records + 1, sizeof(*v));

	if (!v)
		return NULL;
	memset(v, 0xff, (s->n_records + 1) * sizeof(*v));
	for (size_t i = 0; i < modules->n; i++)
		if (modules->v[i].segment == s)
			v[modules->v[i].record - s->records] = (uint32_t)i;
	return v;
}

/* One of the two sorted lists of aliases, from NEXT on. */
struct sorted {
	const struct dm_segment *s;
	uint32_t *module;
	uint32_t next;
};

/* The next alias that is in use, or NULL. */
static const struct dm_alias *peek(struct sorted *list, uint32_t *ret_module)
{
	for (; list->next < list->s->n_alias_order; list->next++) {
		uint32_t i = list->s->alias_order[list->next];

		*ret_module = list->module[list->s->alias_owner[i]];
		if (*ret_module != DM_NONE)
			return &list->s->aliases[i];
	}
	return NULL;
}

static struct mf_trie_entry alias_entry(const struct sorted *list, const struct dm_alias *a,
					const struct dm_module *m, uint32_t number)
{
	return (struct mf_trie_entry){
		.key = list->s->strings + a->norm,
		.key_len = a->norm_len,
		.value = m->name,
		.value_len = m->name_len,
		.priority = number,
	};
}

static int compare_keys(const struct mf_trie_entry *a, const struct mf_trie_entry *b)
{
	uint32_t n = a->key_len < b->key_len ? a->key_len : b->key_len;
	int c = memcmp(a->key, b->key, n);

	return c ? c : a->key_len < b->key_len ? -1 : a->key_len > b->key_len;
}

static int by_priority(const void *va, const void *vb)
{
	const struct mf_trie_entry *a = va, *b = vb;

	return a->priority < b->priority ? -1 : a->priority > b->priority;
}

/* The lists are sorted by key alone: puts the values of each key in order. */
static void order_values(struct mf_trie_entry *entries, size_t n)
{
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && entries[end].key_len == entries[i].key_len; end++)
			if (memcmp(entries[end].key, entries[i].key, entries[i].key_len) != 0)
				break;
		if (end - i > 1)
			qsort(entries + i, end - i, sizeof(*entries), by_priority);
	}
}

static size_t merge_aliases(const struct dm_modules *modules, struct sorted *base,
			    struct sorted *fresh, struct mf_trie_entry *entries)
{
	uint32_t in_base = DM_NONE, in_fresh = DM_NONE;
	size_t n = 0;

	for (;;) {
		const struct dm_alias *a = peek(base, &in_base), *b = peek(fresh, &in_fresh);
		struct mf_trie_entry x, y;

		if (!a && !b)
			return n;
		if (a)
			x = alias_entry(base, a, &modules->v[in_base], in_base);
		if (b)
			y = alias_entry(fresh, b, &modules->v[in_fresh], in_fresh);
		if (!b || (a && compare_keys(&x, &y) <= 0)) {
			entries[n++] = x;
			base->next++;
		} else {
			entries[n++] = y;
			fresh->next++;
		}
	}
}

int dm_text_alias_bin(const struct dm_source *src, struct dm_buf *indexes)
{
	struct sorted base = { .s = src->base }, fresh = { .s = src->fresh };
	size_t room = (size_t)src->base->n_alias_order + src->fresh->n_alias_order + 1, n;
	_cleanup_free_ struct mf_trie_entry *entries = reallocarray(NULL, room, sizeof(*entries));
	_cleanup_free_ uint32_t *in_base = module_by_record(src->modules, src->base);
	_cleanup_free_ uint32_t *in_fresh = module_by_record(src->modules, src->fresh);

	if (!entries || !in_base || !in_fresh)
		return -ENOMEM;
	base.module = in_base;
	fresh.module = in_fresh;
	n = merge_aliases(src->modules, &base, &fresh, entries);
	order_values(entries, n);
	return make_trie(entries, n, &indexes[DM_ALIAS_BIN]);
}

int dm_text_alias(const struct dm_source *src, struct dm_buf *indexes)
{
	struct dm_buf *text = &indexes[DM_ALIAS];

	dm_buf_adds(text, "# Aliases extracted from modules themselves.\n");
	for (size_t i = 0; i < src->modules->n; i++) {
		const struct dm_module *m = &src->modules->v[i];
		uint32_t n;
		const struct dm_alias *a = dm_aliases_of(m, &n);

		for (uint32_t k = 0; k < n; k++) {
			add_alias_line(text, m->segment->strings + a[k].raw, a[k].raw_len, m);
			if (a[k].norm_len == DM_NONE)
				mf_log(src->ctx, MF_LOG_WARNING,
				       "%s: an alias no index can hold: %s", m->name,
				       m->segment->strings + a[k].raw);
		}
	}
	return text->failed ? -ENOMEM : 0;
}

/* The symbols that modules export, sorted by name; each an entry of the trie to be. */
struct exported {
	struct mf_trie_entry *v;
	uint16_t *bucket;
	size_t n;
};

static void take_symbol(const struct dm_source *src, const struct dm_segment *s, uint32_t i,
			uint32_t owner, struct exported *list)
{
	const struct dm_symbol *symbol = &s->symbols[i];
	const struct dm_module *m;

	if (owner == DM_NONE)
		return;
	m = &src->modules->v[owner];
	list->bucket[list->n] = symbol->bucket % SYMBOL_BUCKETS;
	list->v[list->n++] = (struct mf_trie_entry){
		.key = s->strings + symbol->name,
		.key_len = symbol->len,
		.value = m->name,
		.value_len = m->name_len,
		.priority = owner,
	};
}

/* Fresh symbols that the base has too are the base's. */
static void list_symbols(const struct dm_source *src, struct exported *list)
{
	const struct dm_graph *g = src->graph;
	uint32_t i = 0, k = 0;

	for (;;) {
		while (k < g->fresh->n_symbols && g->fresh_ids[k] < g->n_base)
			k++;
		if (i >= g->base->n_symbols && k >= g->fresh->n_symbols)
			return;
		if (k >= g->fresh->n_symbols ||
		    (i < g->base->n_symbols &&
		     strcmp(g->base->strings + g->base->symbols[i].name,
			    g->fresh->strings + g->fresh->symbols[k].name) < 0)) {
			take_symbol(src, g->base, i, g->owner[i], list);
			i++;
		} else {
			take_symbol(src, g->fresh, k, g->owner[g->fresh_ids[k]], list);
			k++;
		}
	}
}

/*
 * The lines in the order of depmod's hash: by bucket, and by name within one. The entries' keys are
 * in the lines then.
 */
static int add_symbol_lines(struct exported *list, struct dm_buf *text)
{
	size_t at[SYMBOL_BUCKETS + 1] = { 0 };
	_cleanup_free_ uint32_t *order = reallocarray(NULL, list->n + 1, sizeof(*order));
	static const char head[] = "alias symbol:";
	size_t room = 0;
	char *p;

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < list->n; i++) {
		at[list->bucket[i] + 1]++;
		room += sizeof(head) - 1 + list->v[i].key_len + 1 + list->v[i].value_len + 1;
	}
	for (size_t i = 1; i <= SYMBOL_BUCKETS; i++)
		at[i] += at[i - 1];
	for (size_t i = 0; i < list->n; i++)
		order[at[list->bucket[i]]++] = (uint32_t)i;
	p = dm_buf_reserve(text, room);
	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < list->n; i++) {
		struct mf_trie_entry *e = &list->v[order[i]];
		char *line = p;

		/* they are all over the memory */
		if (list->n - i > 2 * AHEAD) {
			__builtin_prefetch(&list->v[order[i + 2 * AHEAD]]);
			__builtin_prefetch(list->v[order[i + AHEAD]].key);
		}
		p = mempcpy(p, head, sizeof(head) - 1);
		p = mempcpy(p, e->key, e->key_len);
		*p++ = ' ';
		p = mempcpy(p, e->value, e->value_len);
		*p++ = '\n';
		e->key = line + strlen("alias ");
		e->key_len += (uint32_t)strlen("symbol:");
	}
	text->len += room;
	return 0;
}

int dm_text_symbols(const struct dm_source *src, struct dm_buf *indexes)
{
	struct dm_buf *text = &indexes[DM_SYMBOLS];
	size_t room = (size_t)src->graph->n_symbols + 1, kept = 0;
	_cleanup_free_ struct mf_trie_entry *entries = reallocarray(NULL, room, sizeof(*entries));
	_cleanup_free_ uint16_t *bucket = reallocarray(NULL, room, sizeof(*bucket));
	struct exported list = { .v = entries, .bucket = bucket };

	if (!entries || !bucket)
		return -ENOMEM;
	dm_buf_adds(text, "# Aliases for symbols, used by symbol_request().\n");
	list_symbols(src, &list);
	if (text->failed || add_symbol_lines(&list, text) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < list.n; i++)
		if (is_ascii(entries[i].key, entries[i].key_len))
			entries[kept++] = entries[i];
	return make_trie(entries, kept, &indexes[DM_SYMBOLS_BIN]);
}

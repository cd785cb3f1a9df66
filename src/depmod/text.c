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
#include "select.h"
#include "text.h"

#define SYMBOL_BUCKETS 2048

int dm_text_order(const struct dm_source *src, struct dm_buf *index)
{
	void *p = index->p;
	int r = src->flavor->parents_first ? mf_trie_parents_first(&p, index->len) : 0;

	index->p = p;
	return r;
}

static int make_trie(const struct dm_source *src, const struct mf_trie_entry *entries, size_t n,
		     struct dm_buf *index)
{
	void *p = NULL;
	int r = mf_trie_write(entries, n, &p, &index->len);

	index->p = p;
	return r < 0 ? r : dm_text_order(src, index);
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

/* The rank is the upper half. */
static int by_rank(const void *va, const void *vb)
{
	const uint64_t *a = va, *b = vb;

	return *a < *b ? -1 : *a > *b;
}

static void add_dep_line(struct closure *c, uint32_t i, struct dm_buf *text)
{
	const struct dm_file *file = c->modules->v[i].file;

	c->n = 0;
	collect(c, i, i);
	if (c->n > 1)
		qsort(c->list, c->n, sizeof(*c->list), by_rank);
	dm_buf_add(text, file->path, file->path_len);
	dm_buf_add(text, ":", 1);
	for (uint32_t k = 0; k < c->n; k++) {
		const struct dm_file *dep = c->modules->v[(uint32_t)c->list[k]].file;

		dm_buf_add(text, " ", 1);
		dm_buf_add(text, dep->path, dep->path_len);
	}
	dm_buf_add(text, "\n", 1);
}

static int text_by_name(const void *va, const void *vb, void *arg)
{
	const struct dm_module *v = arg;

	return strcmp(v[*(const uint32_t *)va].name, v[*(const uint32_t *)vb].name);
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
static int make_dep_trie(const struct dm_source *src, const struct dm_buf *text,
			 const size_t *lines, struct dm_buf *index)
{
	const struct dm_modules *modules = src->modules;
	_cleanup_free_ struct mf_trie_entry *entries = calloc(modules->n + 1, sizeof(*entries));
	_cleanup_free_ uint32_t *sorted = reallocarray(NULL, modules->n + 1, sizeof(*sorted));
	size_t n = 0;

	if (!entries || !sorted)
		return -ENOMEM;
	for (size_t i = 0; i < modules->n; i++)
		sorted[i] = (uint32_t)i;
	if (modules->n > 1)
		qsort_r(sorted, modules->n, sizeof(*sorted), text_by_name, modules->v);
	for (size_t k = 0; k < modules->n; k++) {
		uint32_t i = sorted[k];
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
	return make_trie(src, entries, n, index);
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
	return make_dep_trie(src, text, lines, &indexes[DM_DEP_BIN]);
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

static int compare_keys(const struct mf_trie_entry *a, const struct mf_trie_entry *b)
{
	uint32_t n = a->key_len < b->key_len ? a->key_len : b->key_len;
	int c = memcmp(a->key, b->key, n);

	return c ? c : a->key_len < b->key_len ? -1 : a->key_len > b->key_len;
}

static int text_by_priority(const void *va, const void *vb)
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
			qsort(entries + i, end - i, sizeof(*entries), text_by_priority);
	}
}

/* Merges two lists sorted by key: the first N_FIRST of N entries, and the rest. */
static int merge(struct mf_trie_entry *v, size_t n_first, size_t n)
{
	size_t left = n_first, right = n - n_first, at = n;
	_cleanup_free_ struct mf_trie_entry *rest = reallocarray(NULL, right + 1, sizeof(*rest));

	if (!rest)
		return -ENOMEM;
	memcpy(rest, v + n_first, right * sizeof(*rest));
	while (right)
		if (left && compare_keys(&v[left - 1], &rest[right - 1]) > 0)
			v[--at] = v[--left];
		else
			v[--at] = rest[--right];
	return 0;
}

/* The aliases of a segment that are in use, sorted by key; how many, or -ENOMEM. */
static ssize_t list_aliases(const struct dm_modules *modules, const struct dm_segment *s,
			    struct mf_trie_entry *entries)
{
	_cleanup_free_ uint32_t *owner = reallocarray(NULL, s->n_aliases + 1, sizeof(*owner));
	ssize_t n = 0;

	if (!owner)
		return -ENOMEM;
	memset(owner, 0xff, s->n_aliases * sizeof(*owner));
	for (size_t i = 0; i < modules->n; i++) {
		const struct dm_record *r = modules->v[i].record;

		for (uint32_t k = 0; modules->v[i].segment == s && k < r->n_aliases; k++)
			owner[r->aliases + k] = (uint32_t)i;
	}
	for (uint32_t k = 0; k < s->n_alias_order; k++) {
		const struct dm_alias *a = &s->aliases[s->alias_order[k]];
		uint32_t i = owner[s->alias_order[k]];

		if (i == DM_NONE)
			continue;
		entries[n++] = (struct mf_trie_entry){
			.key = s->strings + a->norm,
			.key_len = a->norm_len,
			.value = modules->v[i].name,
			.value_len = modules->v[i].name_len,
			.priority = i,
		};
	}
	return n;
}

int dm_text_alias_bin(const struct dm_source *src, struct dm_buf *indexes)
{
	size_t room = (size_t)src->base->n_alias_order + src->fresh->n_alias_order + 1;
	_cleanup_free_ struct mf_trie_entry *entries = reallocarray(NULL, room, sizeof(*entries));
	ssize_t n_base = entries ? list_aliases(src->modules, src->base, entries) : -ENOMEM;
	ssize_t n_fresh =
		n_base < 0 ? n_base : list_aliases(src->modules, src->fresh, entries + n_base);
	size_t n;

	if (n_fresh < 0)
		return -ENOMEM;
	n = (size_t)n_base + (size_t)n_fresh;
	if (merge(entries, (size_t)n_base, n) < 0)
		return -ENOMEM;
	order_values(entries, n);
	return make_trie(src, entries, n, &indexes[DM_ALIAS_BIN]);
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

/* The exported symbols of a segment that the graph numbers from FIRST on, sorted by name. */
static size_t list_symbols(const struct dm_source *src, const struct dm_segment *s,
			   const uint32_t *ids, uint32_t first, struct mf_trie_entry *entries)
{
	size_t n = 0;

	for (uint32_t i = 0; i < s->n_symbols; i++) {
		uint32_t id = ids ? ids[i] : i, owner = src->graph->owner[id];

		if (id < first || owner == DM_NONE)
			continue;
		entries[n++] = (struct mf_trie_entry){
			.key = s->strings + s->symbols[i].name,
			.key_len = s->symbols[i].len,
			.value = src->modules->v[owner].name,
			.value_len = src->modules->v[owner].name_len,
			.priority = owner,
		};
	}
	return n;
}

/*
 * The lines in the order of depmod's hash: by bucket, and by name within one. The entries' keys are
 * in the lines then.
 */
static int add_symbol_lines(struct mf_trie_entry *entries, size_t n, struct dm_buf *text)
{
	size_t at[SYMBOL_BUCKETS + 1] = { 0 };
	_cleanup_free_ uint32_t *order = reallocarray(NULL, n + 1, sizeof(*order));
	_cleanup_free_ uint16_t *bucket = reallocarray(NULL, n + 1, sizeof(*bucket));
	static const char head[] = "alias symbol:";
	size_t room = 0;
	char *p;

	if (!order || !bucket)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		bucket[i] = dm_kmod_hash(entries[i].key, entries[i].key_len) % SYMBOL_BUCKETS;
		at[bucket[i] + 1]++;
		room += sizeof(head) - 1 + entries[i].key_len + 1 + entries[i].value_len + 1;
	}
	for (size_t i = 1; i <= SYMBOL_BUCKETS; i++)
		at[i] += at[i - 1];
	for (size_t i = 0; i < n; i++)
		order[at[bucket[i]]++] = (uint32_t)i;
	p = dm_buf_reserve(text, room);
	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct mf_trie_entry *e = &entries[order[i]];
		char *line = p;

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
	const struct dm_graph *g = src->graph;
	struct dm_buf *text = &indexes[DM_SYMBOLS];
	_cleanup_free_ struct mf_trie_entry *entries =
		reallocarray(NULL, (size_t)g->n_symbols + 1, sizeof(*entries));
	size_t n_base, n, kept = 0;

	if (!entries)
		return -ENOMEM;
	dm_buf_adds(text, "# Aliases for symbols, used by symbol_request().\n");
	n_base = list_symbols(src, g->base, NULL, 0, entries);
	n = n_base + list_symbols(src, g->fresh, g->fresh_ids, g->n_base, entries + n_base);
	if (text->failed || merge(entries, n_base, n) < 0 || add_symbol_lines(entries, n, text) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (is_ascii(entries[i].key, entries[i].key_len))
			entries[kept++] = entries[i];
	return make_trie(src, entries, kept, &indexes[DM_SYMBOLS_BIN]);
}

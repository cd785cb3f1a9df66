/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The writer of kmod's binary index (the format is at the top of trie.c).
 *
 * depmod builds the trie in memory and writes it in post-order: children from the lowest byte to
 * the highest, then the node. The shape of a path-compressed trie depends only on its keys, so one
 * pass over the sorted keys gives the same bytes without building the trie: a stack has the nodes
 * on the path to the last key; nodes that are not on the path to the next key are complete and are
 * written. Two properties of depmod's output: the root never has a prefix, and it exists even if it
 * is empty.
 *
 * Since kmod 34 depmod writes in pre-order: a node, then its children. The nodes are the same, so they are
 * copied in that order, and their references get the new offsets.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/trie.h"

#define MAGIC	     0xB007F457u
#define VERSION	     0x00020001u
#define HAS_PREFIX   0x80000000u
#define HAS_VALUES   0x40000000u
#define HAS_CHILDREN 0x20000000u
#define OFFSET	     0x0FFFFFFFu
#define SIZE_MAX_28  ((size_t)1 << 28)
#define AHEAD	     8 /* prefetch distance in keys */

/* A node whose children are still to come. */
struct open_node {
	uint32_t depth;		 /* length of its key, its prefix included */
	const char *key;	 /* a key below it, which begins with its key */
	size_t values, n_values; /* index of the first entry, number of entries */
	uint8_t first, last;	 /* bytes of its children; first > last: none */
	uint32_t children[128];	 /* references, beginning with that of first */
};

struct writer {
	const struct mf_trie_entry *entries;
	uint8_t *out;
	size_t len, room;
	struct open_node *stack;
	size_t n_open, stack_room;
};

static int reserve(struct writer *w, size_t n)
{
	if (n <= w->room - w->len)
		return 0;
	if (n > SIZE_MAX_28 - w->len)
		return -EFBIG;
	return mf_array_reserve(&w->out, &w->room, w->len + n, 1);
}

static void put32(struct writer *w, uint32_t value)
{
	uint8_t *p = w->out + w->len;

	p[0] = (uint8_t)(value >> 24);
	p[1] = (uint8_t)(value >> 16);
	p[2] = (uint8_t)(value >> 8);
	p[3] = (uint8_t)value;
	w->len += 4;
}

static void put_string(struct writer *w, const char *s, size_t n)
{
	if (n)
		memcpy(w->out + w->len, s, n);
	w->out[w->len + n] = '\0';
	w->len += n + 1;
}

static int write_values(struct writer *w, const struct open_node *node)
{
	int r = reserve(w, 4);

	if (r < 0)
		return r;
	put32(w, (uint32_t)node->n_values);
	for (size_t i = 0; i < node->n_values; i++) {
		const struct mf_trie_entry *e = &w->entries[node->values + i];

		r = reserve(w, 4 + (size_t)e->value_len + 1);
		if (r < 0)
			return r;
		put32(w, e->priority);
		put_string(w, e->value, e->value_len);
	}
	return 0;
}

/* Writes a complete node whose prefix begins at byte FROM of its key. Returns its reference. */
static int write_node(struct writer *w, const struct open_node *node, uint32_t from,
		      uint32_t *ret_ref)
{
	uint32_t ref = (uint32_t)w->len;
	size_t n_children = node->first <= node->last ? (size_t)(node->last - node->first) + 1 : 0;
	int r = reserve(w, (size_t)node->depth - from + 1 + 2 + 4 * n_children);

	if (r < 0)
		return r;
	if (node->depth > from) {
		ref |= HAS_PREFIX;
		put_string(w, node->key + from, node->depth - from);
	}
	if (n_children) {
		ref |= HAS_CHILDREN;
		w->out[w->len++] = node->first;
		w->out[w->len++] = node->last;
		for (size_t i = 0; i < n_children; i++)
			put32(w, node->children[i]);
	}
	if (node->n_values) {
		ref |= HAS_VALUES;
		r = write_values(w, node);
		if (r < 0)
			return r;
	}
	*ret_ref = ref;
	return 0;
}

/* Adds a child; the bytes of successive calls are ascending. */
static void add_child(struct open_node *node, uint8_t byte, uint32_t ref)
{
	if (node->first > node->last) {
		node->first = byte;
	} else {
		for (unsigned int b = node->last + 1u; b < byte; b++)
			node->children[b - node->first] = 0;
	}
	node->last = byte;
	node->children[byte - node->first] = ref;
}

static int open_node(struct writer *w, uint32_t depth, const char *key, size_t values,
		     size_t n_values)
{
	struct open_node *node;
	int r = mf_array_reserve(&w->stack, &w->stack_room, w->n_open + 1, sizeof(*w->stack));

	if (r < 0)
		return r;
	node = &w->stack[w->n_open++];
	node->depth = depth;
	node->key = key;
	node->values = values;
	node->n_values = n_values;
	node->first = 1;
	node->last = 0;
	return 0;
}

/* Writes all nodes deeper than SHARED, the bytes that the next key shares; may split the last. */
static int close_nodes(struct writer *w, uint32_t shared)
{
	while (w->stack[w->n_open - 1].depth > shared) {
		struct open_node *node = &w->stack[w->n_open - 1];
		uint32_t parent_depth = node[-1].depth, ref;
		bool split = parent_depth < shared;
		int r = write_node(w, node, (split ? shared : parent_depth) + 1, &ref);

		if (r < 0)
			return r;
		w->n_open--;
		if (split) {
			const char *key = node->key;

			/* reuses the stack slot of the node just written */
			r = open_node(w, shared, key, 0, 0);
			if (r < 0)
				return r;
			add_child(&w->stack[w->n_open - 1], (uint8_t)key[shared], ref);
		} else {
			add_child(&w->stack[w->n_open - 1], (uint8_t)node->key[parent_depth], ref);
		}
	}
	return 0;
}

static uint32_t shared_len(const struct mf_trie_entry *a, const struct mf_trie_entry *b)
{
	uint32_t n = a->key_len < b->key_len ? a->key_len : b->key_len, i = 0;

	/* neighbors share long prefixes: compare eight bytes at a time, then the rest */
	for (; i + 8 <= n; i += 8) {
		uint64_t x, y;

		memcpy(&x, a->key + i, sizeof(x));
		memcpy(&y, b->key + i, sizeof(y));
		if (x != y)
			break;
	}
	while (i < n && a->key[i] == b->key[i])
		i++;
	return i;
}

/* Adds the key of the entries I to END; it shares SHARED bytes with the key before. */
static int add_key(struct writer *w, size_t i, size_t end, uint32_t shared)
{
	const struct mf_trie_entry *e = &w->entries[i];
	struct open_node *top;
	int r = close_nodes(w, shared);

	if (r < 0)
		return r;
	top = &w->stack[w->n_open - 1];
	if (e->key_len > top->depth)
		return open_node(w, e->key_len, e->key, i, end - i);
	/* the empty key is the root's */
	top->values = i;
	top->n_values = end - i;
	return 0;
}

static int write_index(struct writer *w, size_t n)
{
	uint32_t root, shared = 0;
	size_t len;
	int r = reserve(w, 12);

	if (r < 0)
		return r;
	put32(w, MAGIC);
	put32(w, VERSION);
	put32(w, 0);
	r = open_node(w, 0, "", 0, 0);
	for (size_t i = 0, end; i < n && r >= 0; i = end) {
		const struct mf_trie_entry *e = &w->entries[i];
		uint32_t next = 0;

		/* keys are spread over the memory */
		if (n - i > AHEAD)
			__builtin_prefetch(w->entries[i + AHEAD].key);
		for (end = i + 1; end < n; end++) {
			next = shared_len(e, &w->entries[end]);
			if (next < e->key_len || w->entries[end].key_len > e->key_len)
				break;
		}
		r = add_key(w, i, end, shared);
		shared = next;
	}
	if (r >= 0)
		r = close_nodes(w, 0);
	if (r >= 0)
		r = write_node(w, &w->stack[0], 0, &root);
	if (r < 0)
		return r;
	len = w->len;
	w->len = 8;
	put32(w, root);
	w->len = len;
	return 0;
}

int mf_trie_write(const struct mf_trie_entry *sorted, size_t n, void **ret_buf, size_t *ret_len)
{
	struct writer w = { .entries = sorted, .room = 4096 + n * 48 };
	int r;

	/* usually enough: unused memory costs nothing, and growing means copying */
	for (size_t i = 0; i < n; i++)
		w.room += sorted[i].value_len;
	w.out = malloc(w.room);
	if (!w.out)
		return -ENOMEM;
	r = write_index(&w, n);
	free(w.stack);
	if (r < 0) {
		free(w.out);
		return r;
	}
	*ret_buf = w.out;
	*ret_len = w.len;
	return 0;
}

/* A node to be copied, and where the reference to it stands in the new index. */
struct pending {
	uint32_t ref;
	size_t slot;
};

struct reorder {
	const uint8_t *in; /* of this writer: nothing is checked */
	uint8_t *out;
	size_t len;
	struct pending *stack;
	size_t n, room;
};

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void set32(uint8_t *p, uint32_t value)
{
	struct writer w = { .out = p };

	put32(&w, value);
}

/* The bytes of a node; *RET_CHILDREN: where in it its references begin, *RET_N: their number. */
static size_t node_len(const uint8_t *node, uint32_t flags, size_t *ret_children, size_t *ret_n)
{
	size_t at = 0;

	*ret_n = 0;
	if (flags & HAS_PREFIX)
		at += strlen((const char *)node) + 1;
	if (flags & HAS_CHILDREN) {
		*ret_n = (size_t)(node[at + 1] - node[at]) + 1;
		at += 2;
		*ret_children = at;
		at += 4 * *ret_n;
	}
	if (flags & HAS_VALUES) {
		uint32_t n = get32(node + at);

		for (at += 4; n; n--)
			at += 4 + strlen((const char *)node + at + 4) + 1;
	}
	return at;
}

/* Copies a node, and puts its children on the stack: the lowest byte is taken next. */
static int copy_node(struct reorder *r, const struct pending *node)
{
	uint32_t flags = node->ref & ~OFFSET;
	const uint8_t *from = r->in + (node->ref & OFFSET);
	size_t children = 0, n, len = node_len(from, flags, &children, &n), at = r->len;
	int err = mf_array_reserve(&r->stack, &r->room, r->n + n, sizeof(*r->stack));

	if (err < 0)
		return err;
	memcpy(r->out + at, from, len);
	set32(r->out + node->slot, (uint32_t)at | flags);
	r->len += len;
	while (n--) {
		size_t slot = at + children + 4 * n;
		uint32_t ref = get32(r->out + slot);

		if (ref)
			r->stack[r->n++] = (struct pending){ ref, slot };
	}
	return 0;
}

int mf_trie_parents_first(void **buf, size_t len)
{
	const size_t head = 12;
	struct reorder r = { .in = *buf, .out = malloc(len), .len = head };
	struct pending node = { get32(r.in + head - 4), head - 4 };
	int err = r.out ? 0 : -ENOMEM;

	if (!err) {
		memcpy(r.out, r.in, head);
		err = copy_node(&r, &node);
	}
	while (!err && r.n) {
		node = r.stack[--r.n];
		err = copy_node(&r, &node);
	}
	free(r.stack);
	if (err < 0) {
		free(r.out);
		return err;
	}
	free(*buf);
	*buf = r.out;
	return 0;
}

struct mf_trie_builder {
	struct mf_trie_entry *entries; /* key and value share one allocation, the key's */
	size_t n, room;
};

int mf_trie_builder_new(struct mf_trie_builder **ret_builder)
{
	struct mf_trie_builder *builder = calloc(1, sizeof(*builder));

	if (!builder)
		return -ENOMEM;
	*ret_builder = builder;
	return 0;
}

void mf_trie_builder_free(struct mf_trie_builder *builder)
{
	if (!builder)
		return;
	for (size_t i = 0; i < builder->n; i++)
		free((char *)(uintptr_t)builder->entries[i].key);
	free(builder->entries);
	free(builder);
}

/* The length of a string of bytes 1..127; SIZE_MAX if it has others. */
static size_t plain_len(const char *s)
{
	size_t n = 0;

	for (; s[n]; n++)
		if ((unsigned char)s[n] > 127)
			return SIZE_MAX;
	return n;
}

int mf_trie_builder_add(struct mf_trie_builder *builder, const char *key, const char *value,
			uint32_t priority)
{
	size_t key_len = plain_len(key), value_len = plain_len(value);
	char *copy;
	int r;

	if (key_len > MF_TRIE_KEY_MAX || value_len >= SIZE_MAX_28)
		return -EINVAL;
	r = mf_array_reserve(&builder->entries, &builder->room, builder->n + 1,
			     sizeof(*builder->entries));
	if (r < 0)
		return r;
	copy = malloc(key_len + 1 + value_len + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, key, key_len + 1);
	memcpy(copy + key_len + 1, value, value_len + 1);
	builder->entries[builder->n++] = (struct mf_trie_entry){
		copy, copy + key_len + 1, (uint32_t)key_len, (uint32_t)value_len, priority,
	};
	return 0;
}

static int trie_write_compare(const void *va, const void *vb)
{
	const struct mf_trie_entry *a = *(const struct mf_trie_entry *const *)va;
	const struct mf_trie_entry *b = *(const struct mf_trie_entry *const *)vb;
	int c = strcmp(a->key, b->key);

	if (c)
		return c;
	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	/* the array has both in the order they were added; the later one comes first */
	return a > b ? -1 : a < b;
}

int mf_trie_builder_finish(struct mf_trie_builder *builder, void **ret_buf, size_t *ret_len)
{
	_cleanup_free_ const struct mf_trie_entry **order = NULL;
	_cleanup_free_ struct mf_trie_entry *sorted = NULL;

	order = reallocarray(NULL, builder->n + 1, sizeof(*order));
	sorted = reallocarray(NULL, builder->n + 1, sizeof(*sorted));
	if (!order || !sorted)
		return -ENOMEM;
	for (size_t i = 0; i < builder->n; i++)
		order[i] = &builder->entries[i];
	qsort(order, builder->n, sizeof(*order), trie_write_compare);
	for (size_t i = 0; i < builder->n; i++)
		sorted[i] = *order[i];
	return mf_trie_write(sorted, builder->n, ret_buf, ret_len);
}

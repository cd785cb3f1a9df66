/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of libsolv: a plan's package list as parts, so that a lookup reads the packages it
 * may need and not the thousands beside them. The form is in solv-parts.h.
 *
 * It is a transcript of the list for planning as libsolv reads it, dependencies in the same order,
 * so that both give the same plan. Beside it stands who has what: of each name the packages that
 * provide or obsolete it. The kernel's image is the exception: its thousands of exports are needed
 * by none of the list (solv-write.c) and stand in a list of their own.
 */
#include "modfetch/solv-parts.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/table.h"
#include "solv-parts.h"

struct writing {
	struct mf_pool *list; /* the plan's, and nothing else */
	Pool *pool;
	struct mf_parts_head head;
	struct mf_parts_package *packages;
	struct mf_parts_string *strings;
	struct mf_parts_rel *rels;
	uint32_t *slots;
	Queue words;
	char *text;
	size_t room; /* of text */
};

static void writing_done(struct writing *w)
{
	mf_pool_free(w->list);
	free(w->packages);
	free(w->strings);
	free(w->rels);
	free(w->slots);
	queue_free(&w->words);
	free(w->text);
}

static uint32_t add_list(struct writing *w, const Queue *q)
{
	uint32_t at = (uint32_t)w->words.count;

	if (!q->count)
		return 0;
	queue_push(&w->words, q->count);
	queue_insertn(&w->words, w->words.count, q->count, q->elements);
	return at;
}

static uint32_t add_text(struct writing *w, const char *text)
{
	size_t len = strlen(text) + 1, at = w->head.n_text;

	while (at + len > w->room) {
		w->room = w->room ? 2 * w->room : 1 << 16;
		w->text = solv_realloc(w->text, w->room);
	}
	memcpy(w->text + at, text, len);
	w->head.n_text = (uint32_t)(at + len);
	return (uint32_t)at;
}

/* ---- packages ---- */

/* What the list need not tell of the image: it is asked for by what is here alone. */
static bool is_export(Pool *pool, Id dep)
{
	const char *name = pool_id2str(pool, dep);

	return mf_starts_with(name, "ksym(") || mf_starts_with(name, "kmod(");
}

static void split_exports(struct writing *w, Queue *provides)
{
	int kept = 0;
	Queue exports;

	queue_init(&exports);
	for (int i = 0; i < provides->count; i++)
		if (is_export(w->pool, provides->elements[i]))
			queue_push(&exports, provides->elements[i]);
		else
			provides->elements[kept++] = provides->elements[i];
	queue_truncate(provides, kept);
	w->head.exports = add_list(w, &exports);
	queue_free(&exports);
}

static void add_deps(struct writing *w, Solvable *s, struct mf_parts_package *package, bool image)
{
	static const Id keys[N_PARTS] = {
		[PARTS_PROVIDES] = SOLVABLE_PROVIDES,	  [PARTS_REQUIRES] = SOLVABLE_REQUIRES,
		[PARTS_CONFLICTS] = SOLVABLE_CONFLICTS,	  [PARTS_OBSOLETES] = SOLVABLE_OBSOLETES,
		[PARTS_RECOMMENDS] = SOLVABLE_RECOMMENDS,
	};

	for (int i = 0; i < N_PARTS; i++) {
		Queue q;

		queue_init(&q);
		/* 0: all, libsolv's markers among them */
		solvable_lookup_deparray(s, keys[i], &q, 0);
		if (image && i == PARTS_PROVIDES)
			split_exports(w, &q);
		package->deps[i] = add_list(w, &q);
		queue_free(&q);
	}
}

static void add_package(struct writing *w, Id id, struct mf_parts_package *to)
{
	Solvable *s = pool_id2solvable(w->pool, id);
	struct mf_package package;

	mf_pool_package(w->list, id, &package);
	*to = (struct mf_parts_package){
		.size = package.size,
		.install_size = package.install_size,
		.has_sha256 = package.has_sha256,
		.name = (uint32_t)s->name,
		.evr = (uint32_t)s->evr,
		.arch = (uint32_t)s->arch,
		.vendor = (uint32_t)s->vendor,
		.location = package.location ? add_text(w, package.location) : 0,
	};
	memcpy(to->sha256, package.sha256, sizeof(to->sha256));
	add_deps(w, s, to, w->head.image == (uint32_t)(to - w->packages) + 1);
}

static int add_packages(struct writing *w)
{
	_cleanup_free_ int *ids = NULL;
	size_t n;
	int r = mf_pool_list(w->list, 0, &ids, &n);

	w->packages = calloc(n + 1, sizeof(*w->packages));
	if (r < 0 || !w->packages)
		return -ENOMEM;
	w->head.n_packages = (uint32_t)n;
	for (size_t i = 0; i < n; i++)
		if (mf_solv_word_of(w->pool, pool_id2solvable(w->pool, ids[i])))
			w->head.image = (uint32_t)i + 1;
	for (size_t i = 0; i < n; i++)
		add_package(w, ids[i], &w->packages[i]);
	return 0;
}

/* ---- strings and relations, under the numbers they have in the pool ---- */

/* 1: one is made of others, or of what libsolv alone understands. */
static int add_names(struct writing *w)
{
	Pool *pool = w->pool;

	w->head.n_strings = (uint32_t)pool->ss.nstrings;
	w->head.n_rels = (uint32_t)pool->nrels;
	w->strings = calloc(w->head.n_strings + 1, sizeof(*w->strings));
	w->rels = calloc(w->head.n_rels + 1, sizeof(*w->rels));
	if (!w->strings || !w->rels)
		return -ENOMEM;
	for (Id id = 1; id < pool->ss.nstrings; id++)
		w->strings[id].text = add_text(w, pool_id2str(pool, id));
	for (int i = 1; i < pool->nrels; i++) {
		const Reldep *rel = &pool->rels[i];

		if (ISRELDEP(rel->name) || ISRELDEP(rel->evr) || rel->flags < 1 ||
		    rel->flags > (int)MF_PARTS_FLAGS)
			return 1;
		w->rels[i] = (struct mf_parts_rel){ (uint32_t)rel->name, (uint32_t)rel->evr,
						    (uint32_t)rel->flags };
		if (mf_starts_with(pool_id2str(pool, rel->name), "ksym("))
			w->rels[i].flags |= MF_PARTS_SYMBOL;
	}
	return 0;
}

/*
 * The strings that stand for packages' names, those of LOOSE included: their order in a pool is
 * what decides between equals, and it is to be the same however few packages are read. Without
 * loose ones the few can be sorted by themselves.
 */
static void list_names(struct writing *w, struct mf_pool *from, const int *loose, size_t n_loose)
{
	Map named;
	Queue q;

	if (!n_loose)
		return;
	map_init(&named, w->pool->ss.nstrings);
	queue_init(&q);
	for (uint32_t i = 0; i < w->head.n_packages; i++)
		MAPSET(&named, w->packages[i].name);
	for (size_t i = 0; i < n_loose; i++) {
		struct mf_package package;
		Id id;

		mf_pool_package(from, loose[i], &package);
		id = pool_str2id(w->pool, package.name, 0);
		if (id)
			MAPSET(&named, id);
	}
	for (Id id = 1; id < w->pool->ss.nstrings; id++)
		if (MAPTST(&named, id))
			queue_push(&q, id);
	w->head.names = add_list(w, &q);
	queue_free(&q);
	map_free(&named);
}

/* ---- who has what ---- */

struct owning {
	struct writing *w;
	uint32_t *n, *last; /* of each string: its owners, and the last of them, from 1 */
	bool fill;
};

static void own(struct owning *o, uint32_t list, uint32_t package)
{
	const Queue *words = &o->w->words;

	for (int i = 0; i < words->elements[list]; i++) {
		Id id = words->elements[list + 1 + (uint32_t)i];

		if (ISRELDEP(id))
			id = GETRELDEP(o->w->pool, id)->name;
		if (o->last[id] == package + 1)
			continue;
		o->last[id] = package + 1;
		o->n[id]++;
		if (o->fill)
			words->elements[o->w->strings[id].owners + o->n[id]] = (Id)package;
	}
}

static void own_all(struct owning *o)
{
	memset(o->n, 0, o->w->head.n_strings * sizeof(*o->n));
	memset(o->last, 0, o->w->head.n_strings * sizeof(*o->last));
	for (uint32_t i = 0; i < o->w->head.n_packages; i++) {
		/* the image is always there */
		if (i + 1 == o->w->head.image)
			continue;
		own(o, o->w->packages[i].deps[PARTS_PROVIDES], i);
		own(o, o->w->packages[i].deps[PARTS_OBSOLETES], i);
	}
}

static int add_owners(struct writing *w)
{
	_cleanup_free_ uint32_t *n = calloc(w->head.n_strings + 1, sizeof(*n));
	_cleanup_free_ uint32_t *last = calloc(w->head.n_strings + 1, sizeof(*last));
	struct owning o = { w, n, last, false };
	uint32_t owned = 0;

	if (!n || !last)
		return -ENOMEM;
	own_all(&o);
	for (uint32_t i = 1; i < w->head.n_strings; i++) {
		if (!n[i])
			continue;
		owned++;
		w->strings[i].owners = (uint32_t)w->words.count;
		queue_push(&w->words, (Id)n[i]);
		queue_insertn(&w->words, w->words.count, (int)n[i], NULL);
	}
	o.fill = true;
	own_all(&o);
	for (w->head.n_slots = 16; w->head.n_slots < owned + owned / 4;)
		w->head.n_slots *= 2;
	w->slots = calloc(w->head.n_slots, sizeof(*w->slots));
	if (!w->slots)
		return -ENOMEM;
	for (uint32_t i = 1; i < w->head.n_strings; i++) {
		const char *text = w->text + w->strings[i].text;
		uint32_t at = (uint32_t)mf_hash(text, strlen(text));

		if (!w->strings[i].owners)
			continue;
		while (w->slots[at &= w->head.n_slots - 1])
			at++;
		w->slots[at] = i;
	}
	return 0;
}

/* ---- the file ---- */

static int write_all(struct writing *w, int fd)
{
	const struct {
		const void *from;
		size_t len;
	} pieces[] = {
		{ &w->head, sizeof(w->head) },
		{ w->packages, w->head.n_packages * sizeof(*w->packages) },
		{ w->strings, w->head.n_strings * sizeof(*w->strings) },
		{ w->rels, w->head.n_rels * sizeof(*w->rels) },
		{ w->slots, w->head.n_slots * sizeof(*w->slots) },
		{ w->words.elements, (size_t)w->words.count * sizeof(uint32_t) },
		{ w->text, w->head.n_text },
	};
	_cleanup_free_ char *buf = NULL;
	size_t len = 0, at = 0;

	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++)
		len += pieces[i].len;
	buf = malloc(len);
	if (!buf)
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); at += pieces[i++].len)
		if (pieces[i].len)
			memcpy(buf + at, pieces[i].from, pieces[i].len);
	return mf_solv_write_sealed(fd, buf, len);
}

int mf_pool_write_parts(struct mf_pool *pool, int plan, const int *loose, size_t n_loose, int fd)
{
	_cleanup_(writing_done) struct writing w = { .head = { .mark = MF_PARTS_MARK } };
	int r = mf_pool_new("noarch", &w.list);

	queue_init(&w.words);
	queue_push(&w.words, 0);
	if (!r)
		r = mf_pool_add_cache(w.list, plan, 0, 0);
	if (r < 0)
		return r;
	w.pool = w.list->pool;
	/* nothing is at the text's begin, so that 0 is no place */
	add_text(&w, "");
	r = add_packages(&w);
	if (!r)
		r = add_names(&w);
	if (r)
		return r;
	list_names(&w, pool, loose, n_loose);
	r = add_owners(&w);
	w.head.n_words = (uint32_t)w.words.count;
	return r < 0 ? r : write_all(&w, fd);
}

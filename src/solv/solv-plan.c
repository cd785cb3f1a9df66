/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of libsolv: a package list in the form for planning, written.
 *
 * Nine in ten dependencies of a kernel's packages are symbols with their checksums, and a lookup
 * would spend most of its time reading them. In this form
 * - what a package exports ("ksym(FLAVOR:NAME) = CRC"), and what else a driver's package provides
 *   and is rarely asked for, is not among its provides. A hash of each stands after the list,
 *   so that solv-exports.c can find what is asked for in the pool;
 * - of two and more symbols that a package needs of one other, which alone in the list has them,
 *   the first stays, to show why that one is needed. A bundle, a name made of the hashes of all
 *   such exports of the other, stands for the rest;
 * - texts for people are left out, and what installed packages need, but for kernel-uname-r: it is
 *   there, and stays as long as a plan replaces nothing. mf_resolve() makes any other plan with
 *   the whole lists: the rules of thousands of packages took half of the time of a plan.
 *
 * A bundle says the same as its symbols as long as everybody has all of them or none, which
 * mf_pool_settle() finds out. Else the whole list must be read.
 *
 *	.solv file of libsolv, filled up with zeros to 8 bytes
 *	struct mf_solv_list_package [n_packages]  in the order of the list
 *	mf_provide [n_provides]                   of the first package, of the second, …
 *	uint32_t [n_slots]                        places of what is bundled there, by hash
 *	struct mf_solv_list_foot
 *	struct mf_solv_end
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/table.h"
#include "solv-private.h"

#define SEVERAL UINT32_MAX

struct mf_bundles {
	Pool *pool;
	const int *ids;
	size_t n;
	size_t n_strings;  /* a string's number is its own, a relation's comes after all strings */
	uint32_t *owners;  /* of exports, by number: the package that has it, from 1, or SEVERAL */
	Map bundled;	   /* exports, by number */
	Map called;	   /* strings that are names of packages of the list */
	bool installed;	   /* the list is all that is installed */
	uint32_t *n_needs; /* of each package: how many of it the package at hand needs */
	Id *names;	   /* of each package: its bundle, or 0 */
	struct mf_solv_list_package *packages;
	mf_provide *provides; /* that are left out */
	size_t n_provides, room;
};

/* Of an export of a package that is written. 0: it is no such. */
static size_t number_of(const struct mf_bundles *b, Id dep)
{
	if (!mf_solv_is_export(b->pool, dep))
		return 0;
	return ISRELDEP(dep) ? b->n_strings + GETRELID(dep) : (size_t)dep;
}

/* The other package that alone has what PLACE needs, from 1; 0: there is none. */
static uint32_t solv_plan_owner_of(const struct mf_bundles *b, size_t place, Id dep)
{
	size_t number = number_of(b, dep);
	uint32_t owner = number ? b->owners[number] : 0;

	return owner == SEVERAL || owner == place + 1 ? 0 : owner;
}

static void get_deps(const struct mf_bundles *b, size_t place, Id key, Queue *q)
{
	queue_empty(q);
	/* 0: what stands on both sides of libsolv's prerequisite marker */
	solvable_lookup_deparray(pool_id2solvable(b->pool, b->ids[place]), key, q, 0);
}

static void solv_plan_find_owners(struct mf_bundles *b, size_t place, Queue *q)
{
	get_deps(b, place, SOLVABLE_PROVIDES, q);
	for (int i = 0; i < q->count; i++) {
		size_t number = number_of(b, q->elements[i]);

		if (number && !b->owners[number])
			b->owners[number] = (uint32_t)place + 1;
		else if (number && b->owners[number] != place + 1)
			b->owners[number] = SEVERAL;
	}
}

static void count_needs(const struct mf_bundles *b, size_t place, const Queue *q)
{
	for (int i = 0; i < q->count; i++) {
		uint32_t owner = solv_plan_owner_of(b, place, q->elements[i]);

		if (owner)
			b->n_needs[owner - 1]++;
	}
}

static void forget_needs(const struct mf_bundles *b, size_t place, const Queue *q)
{
	for (int i = 0; i < q->count; i++) {
		uint32_t owner = solv_plan_owner_of(b, place, q->elements[i]);

		if (owner)
			b->n_needs[owner - 1] = 0;
	}
}

/* What some package needs two and more of. */
static void find_bundled(struct mf_bundles *b, size_t place, Queue *q)
{
	get_deps(b, place, SOLVABLE_REQUIRES, q);
	count_needs(b, place, q);
	for (int i = 0; i < q->count; i++) {
		uint32_t owner = solv_plan_owner_of(b, place, q->elements[i]);

		if (owner && b->n_needs[owner - 1] > 1)
			MAPSET(&b->bundled, (int)number_of(b, q->elements[i]));
	}
	forget_needs(b, place, q);
}

/* ---- what is left out ---- */

/*
 * Of a driver's package all but names of packages, what it has as modules and firmware, for which
 * the pool is asked, and which kernel it belongs to; of others exports alone.
 */
static bool is_left_out(const struct mf_bundles *b, size_t place, Id dep)
{
	const Reldep *rel = ISRELDEP(dep) ? GETRELDEP(b->pool, dep) : NULL;
	Id own = pool_id2solvable(b->pool, b->ids[place])->name, name = rel ? rel->name : dep;

	if (mf_solv_is_export(b->pool, dep))
		return true;
	if (!strstr(pool_id2str(b->pool, own), "-kmp-") ||
	    (rel && (rel->flags != REL_EQ || ISRELDEP(name) || ISRELDEP(rel->evr))) ||
	    (name < b->called.size << 3 && MAPTST(&b->called, name)))
		return false;
	return !mf_starts_with(pool_id2str(b->pool, name), "kmod(") &&
	       !mf_starts_with(pool_id2str(b->pool, name), "firmware(") &&
	       !mf_pool_is_kernel_mark(pool_id2str(b->pool, name), pool_id2str(b->pool, own));
}

static int add_provide(struct mf_bundles *b, Id dep)
{
	int r = mf_array_reserve(&b->provides, &b->room, b->n_provides + 1, sizeof(*b->provides));

	if (r < 0)
		return r;
	b->provides[b->n_provides++] = mf_solv_hash_provide(b->pool, dep);
	return 0;
}

/* Adds hashes of what is left out of a package's provides: what is bundled, or the rest. */
static int solv_plan_add_provides(struct mf_bundles *b, size_t place, const Queue *q, bool bundled)
{
	int r = 0;

	for (int i = 0; !r && i < q->count; i++) {
		size_t number = number_of(b, q->elements[i]);

		if (is_left_out(b, place, q->elements[i]) &&
		    (number && MAPTST(&b->bundled, (int)number)) == bundled)
			r = add_provide(b, q->elements[i]);
	}
	return r;
}

static int by_hash(const void *a, const void *b)
{
	mf_provide x = *(const mf_provide *)a, y = *(const mf_provide *)b;

	return (x > y) - (x < y);
}

/* Sorts them, and leaves each once. */
static size_t sort_provides(mf_provide *provides, size_t n)
{
	size_t kept = 0;

	if (n > 1)
		qsort(provides, n, sizeof(*provides), by_hash);
	for (size_t i = 0; i < n; i++)
		if (!kept || provides[kept - 1] != provides[i])
			provides[kept++] = provides[i];
	return kept;
}

/* The same for the same exports, of any package. */
static Id bundle_name(const struct mf_bundles *b, const mf_provide *exports, size_t n)
{
	char name[sizeof(BUNDLE) + 20];

	snprintf(name, sizeof(name), BUNDLE "%016llx)",
		 (unsigned long long)mf_hash(exports, n * sizeof(*exports)));
	return pool_str2id(b->pool, name, 1);
}

static int solv_plan_leave_out(struct mf_bundles *b, size_t place, Queue *q)
{
	size_t first = b->n_provides, n;
	int r;

	get_deps(b, place, SOLVABLE_PROVIDES, q);
	r = solv_plan_add_provides(b, place, q, true);
	n = r ? 0 : sort_provides(b->provides + first, b->n_provides - first);
	b->n_provides = first + n;
	if (n)
		b->names[place] = bundle_name(b, b->provides + first, n);
	if (!r)
		r = solv_plan_add_provides(b, place, q, false);
	b->packages[place] =
		(struct mf_solv_list_package){ (uint32_t)(b->n_provides - first), (uint32_t)n };
	return r;
}

/* ---- what is written in their place ---- */

void mf_bundles_provides(const struct mf_bundles *b, size_t place, Queue *provides)
{
	int kept = 0;

	for (int i = 0; i < provides->count; i++)
		if (!is_left_out(b, place, provides->elements[i]))
			provides->elements[kept++] = provides->elements[i];
	queue_truncate(provides, kept);
	if (b->names[place])
		queue_push(provides, b->names[place]);
}

void mf_bundles_needs(const struct mf_bundles *b, size_t place, Queue *requires)
{
	Queue all;

	queue_init_clone(&all, requires);
	queue_empty(requires);
	count_needs(b, place, &all);
	for (int i = 0; i < all.count; i++) {
		uint32_t owner = solv_plan_owner_of(b, place, all.elements[i]);
		uint32_t n = owner ? b->n_needs[owner - 1] : 0;

		if (n > 1 && n != SEVERAL) {
			queue_push(requires, b->names[owner - 1]);
			b->n_needs[owner - 1] = SEVERAL;
		}
		if (n != SEVERAL)
			queue_push(requires, all.elements[i]);
	}
	forget_needs(b, place, &all);
	queue_free(&all);
}

void mf_bundles_free(struct mf_bundles *b)
{
	if (!b)
		return;
	free(b->owners);
	map_free(&b->bundled);
	map_free(&b->called);
	free(b->n_needs);
	free(b->names);
	free(b->packages);
	free(b->provides);
	free(b);
}

static int make_bundles(struct mf_bundles *b)
{
	size_t n_numbers = (size_t)b->pool->ss.nstrings + (size_t)b->pool->nrels;
	int r = 0;
	Queue q;

	b->n_strings = (size_t)b->pool->ss.nstrings;
	b->owners = calloc(n_numbers, sizeof(*b->owners));
	b->n_needs = calloc(b->n + 1, sizeof(*b->n_needs));
	b->names = calloc(b->n + 1, sizeof(*b->names));
	b->packages = calloc(b->n + 1, sizeof(*b->packages));
	map_init(&b->bundled, (int)n_numbers);
	map_init(&b->called, b->pool->ss.nstrings);
	for (size_t i = 0; i < b->n; i++)
		MAPSET(&b->called, pool_id2solvable(b->pool, b->ids[i])->name);
	if (!b->owners || !b->n_needs || !b->names || !b->packages)
		return -ENOMEM;
	queue_init(&q);
	for (size_t i = 0; i < b->n; i++)
		solv_plan_find_owners(b, i, &q);
	for (size_t i = 0; !b->installed && i < b->n; i++)
		find_bundled(b, i, &q);
	for (size_t i = 0; !r && i < b->n; i++)
		r = solv_plan_leave_out(b, i, &q);
	queue_free(&q);
	return r;
}

int mf_bundles_new(struct mf_pool *pool, const int *ids, size_t n, bool installed,
		   struct mf_bundles **ret_bundles)
{
	_cleanup_(mf_bundles_cleanup) struct mf_bundles *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	b->pool = pool->pool;
	b->ids = ids;
	b->n = n;
	b->installed = installed;
	r = make_bundles(b);
	if (r < 0)
		return r;
	*ret_bundles = MF_STEAL(b);
	return 0;
}

/* ---- the file ---- */

/* A hash table of what is bundled, at most half full. New memory; NULL: none. */
static uint32_t *make_slots(const struct mf_bundles *b, uint32_t *ret_n)
{
	uint32_t *slots, n = 0, room = 2, first = 0;

	for (size_t i = 0; i < b->n; i++)
		n += b->packages[i].n_bundled;
	while (room < 2 * n)
		room *= 2;
	slots = calloc(room, sizeof(*slots));
	for (size_t i = 0; slots && i < b->n; first += b->packages[i++].n_provides)
		for (uint32_t j = 0; j < b->packages[i].n_bundled; j++) {
			uint32_t slot = MF_PROVIDE_SLOT(b->provides[first + j], room);

			while (slots[slot])
				slot = (slot + 1) & (room - 1);
			slots[slot] = first + j + 1;
		}
	*ret_n = room;
	return slots;
}

int mf_bundles_write(const struct mf_bundles *b, const char *text, size_t len, int fd)
{
	uint32_t n_slots;
	_cleanup_free_ uint32_t *slots = make_slots(b, &n_slots);
	const struct mf_solv_list_foot foot = { (uint32_t)b->n, (uint32_t)b->n_provides, n_slots,
						0 };
	const struct {
		const void *from;
		size_t len;
	} pieces[] = {
		{ text, len },
		{ "\0\0\0\0\0\0\0", -len % 8 },
		{ b->packages, b->n * sizeof(*b->packages) },
		{ b->provides, b->n_provides * sizeof(*b->provides) },
		{ slots, n_slots * sizeof(*slots) },
		{ &foot, sizeof(foot) },
	};
	_cleanup_free_ char *buf = NULL;
	size_t n = 0, at = 0;

	for (size_t i = 0; i < MF_ARRAY_SIZE(pieces); i++)
		n += pieces[i].len;
	buf = slots ? malloc(n) : NULL;
	if (!buf)
		return -ENOMEM;
	for (size_t i = 0; i < MF_ARRAY_SIZE(pieces); at += pieces[i++].len)
		if (pieces[i].len)
			memcpy(buf + at, pieces[i].from, pieces[i].len);
	return mf_solv_write_sealed(fd, buf, n);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of libsolv: lists written for planning (solv-plan.c) in a pool, and what they leave
 * out put back as far as it matters.
 *
 * Such a list has hashes in place of most provides. So once all lists and what is installed are in
 * the pool, a table is made of the provides that are asked for; what bundles stand for is in a table of each
 * list. What is here, and each package of the lists, is then looked up, one provide at a time: of
 * what is asked for it gets the provide, and of a bundle whose exports it all has, the bundle.
 *
 * Where a package has some exports of a bundle and not all, where a name is asked for with another
 * relation than "=", where only one side has a version, or where versions that are no checksums
 * differ, hashes cannot tell: the whole lists, which leave out nothing, must be used instead.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/table.h"
#include "solv-private.h"

#define FILTER (1U << 18) /* bits */

/* A provide that a package or the system asks for. */
struct item {
	mf_provide provide;
	Id asked;	 /* the dependency, or LOOSE; 0: the slot is empty */
	uint32_t holder; /* the last one that has it */
};
#define LOOSE 0x7fffffff /* asked for with another relation than "=" */

struct mf_exports {
	struct item *items; /* hash table, at most three quarters full */
	uint32_t n_items;
	uint64_t known[FILTER / 64]; /* bits of names in it and in bundles: most are not, and this
				      * stays in the processor's cache */
	uint32_t holder;	     /* the one at hand */
	Queue found;		     /* lists and packages of whose bundles it has something */
	bool unclear;
};

void mf_exports_free(struct mf_exports *exports)
{
	if (!exports)
		return;
	free(exports->items);
	queue_free(&exports->found);
	free(exports);
}

/* ---- what is asked for ---- */

struct asking {
	Pool *pool;
	Map seen;    /* strings, and relations after them */
	Queue exact; /* with "=", or without a relation */
	Queue loose;
};

static void ask(struct asking *a, Id dep)
{
	const Reldep *rel = ISRELDEP(dep) ? GETRELDEP(a->pool, dep) : NULL;
	int number = rel ? a->pool->ss.nstrings + (int)GETRELID(dep) : dep;

	if (MAPTST(&a->seen, number))
		return;
	MAPSET(&a->seen, number);
	if (rel && rel->flags > 7) {
		/* "A if B" and the like */
		ask(a, rel->name);
		ask(a, rel->evr);
	} else if (rel && (rel->flags != REL_EQ || ISRELDEP(rel->name) || ISRELDEP(rel->evr))) {
		queue_push(&a->loose, dep);
	} else {
		queue_push(&a->exact, dep);
	}
}

static bool is_of(const struct mf_solv_list *list, Id package)
{
	return list && package >= list->first && package - list->first < (Id)list->n;
}

/*
 * What packages need, and their names, for which the pool is asked. A list leaves out nothing that
 * is the name of one of its own packages, so of ALONE, the only list with packages, they need not
 * be looked for.
 */
static void ask_all(struct asking *a, const struct mf_solv_list *alone)
{
	for (Id id = 2; id < a->pool->nsolvables; id++) {
		const Solvable *s = pool_id2solvable(a->pool, id);
		const Offset lists[] = { s->requires, s->recommends, s->conflicts, s->obsoletes };

		if (!s->repo)
			continue;
		if (!is_of(alone, id))
			ask(a, s->name);
		for (size_t i = 0; i < MF_ARRAY_SIZE(lists); i++)
			for (const Id *p = s->repo->idarraydata + lists[i]; lists[i] && *p; p++)
				ask(a, *p);
	}
}

/* ---- the table ---- */

static void solv_exports_note(struct mf_exports *e, mf_provide provide)
{
	uint32_t bit = MF_PROVIDE_SLOT(provide, FILTER);

	e->known[bit / 64] |= (uint64_t)1 << bit % 64;
}

static void put(struct mf_exports *e, mf_provide provide, Id asked)
{
	uint32_t i = MF_PROVIDE_SLOT(provide, e->n_items);

	while (e->items[i].asked)
		i = (i + 1) & (e->n_items - 1);
	e->items[i] = (struct item){ provide, asked, 0 };
	solv_exports_note(e, provide);
}

static void note_bundled(struct mf_exports *e, const struct mf_solv_list *list)
{
	for (uint32_t i = 0; i < list->n_slots; i++)
		if (list->slots[i])
			solv_exports_note(e, list->provides[list->slots[i] - 1]);
}

static int fill(struct mf_exports *e, const Pool *pool, const struct asking *a)
{
	uint32_t n = (uint32_t)(a->exact.count + a->loose.count);

	for (e->n_items = 64; e->n_items < n + n / 3;)
		e->n_items *= 2;
	e->items = calloc(e->n_items, sizeof(*e->items));
	if (!e->items)
		return -ENOMEM;
	for (int i = 0; i < a->exact.count; i++)
		put(e, mf_solv_hash_provide(pool, a->exact.elements[i]), a->exact.elements[i]);
	for (int i = 0; i < a->loose.count; i++)
		put(e, mf_solv_hash(pool_id2str(pool, a->loose.elements[i]), NULL), LOOSE);
	return 0;
}

/* The table; NULL: nothing was left out of any list, or there is no memory. */
static struct mf_exports *table_of(struct mf_pool *mp)
{
	struct asking a = { .pool = mp->pool };

	if (mp->exports || !mp->n_lists)
		return mp->exports;
	mp->exports = calloc(1, sizeof(*mp->exports));
	if (!mp->exports)
		return NULL;
	mp->exports->holder = 1;
	map_init(&a.seen, mp->pool->ss.nstrings + mp->pool->nrels);
	queue_init(&a.exact);
	queue_init(&a.loose);
	queue_init(&mp->exports->found);
	ask_all(&a, mp->n_lists == 1 ? mp->lists : NULL);
	for (size_t i = 0; i < mp->n_lists; i++)
		note_bundled(mp->exports, &mp->lists[i]);
	if (fill(mp->exports, mp->pool, &a) < 0) {
		mf_exports_free(mp->exports);
		mp->exports = NULL;
	}
	map_free(&a.seen);
	queue_free(&a.exact);
	queue_free(&a.loose);
	return mp->exports;
}

/* ---- holders ---- */

/*
 * May libsolv take the provide for what is asked for, though they are not the same? "1" stands for
 * "1-1" too, but a checksum for none but itself.
 */
static bool may_serve(const Pool *pool, const struct item *item, mf_provide provide)
{
	if (item->asked == LOOSE || item->provide == provide)
		return item->asked == LOOSE;
	return !(item->provide & MF_PROVIDE_EVR) || !(provide & MF_PROVIDE_EVR) ||
	       !mf_solv_is_export(pool, item->asked);
}

/* The holder at hand has that. TO: gets it if it is asked for. */
static void take_asked(struct mf_pool *mp, mf_provide provide, Queue *to)
{
	struct mf_exports *e = mp->exports;
	uint32_t i;

	for (i = MF_PROVIDE_SLOT(provide, e->n_items); e->items[i].asked;
	     i = (i + 1) & (e->n_items - 1)) {
		struct item *item = &e->items[i];

		if ((item->provide ^ provide) & ~(mf_provide)MF_PROVIDE_EVR)
			continue;
		e->unclear |= may_serve(mp->pool, item, provide);
		if (item->provide != provide || item->asked == LOOSE || item->holder == e->holder)
			continue;
		item->holder = e->holder;
		queue_push(to, item->asked);
	}
}

/* The package of a list that has the provide at PLACE: mostly that of the one before. */
static uint32_t solv_exports_owner_of(struct mf_solv_list *list, uint32_t place)
{
	uint32_t low = 0, high = list->n;

	if (place - list->starts[list->last] <
	    list->starts[list->last + 1] - list->starts[list->last])
		return list->last;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (list->starts[middle] <= place)
			low = middle;
		else
			high = middle;
	}
	list->last = low;
	return low;
}

/* The holder at hand has that: is it part of a bundle of the list? */
static void take_bundled(struct mf_exports *e, struct mf_solv_list *list, int number,
			 mf_provide provide)
{
	uint32_t slot = MF_PROVIDE_SLOT(provide, list->n_slots), owner;

	for (uint32_t tries = 0; tries < list->n_slots && list->slots[slot]; tries++) {
		uint32_t place = list->slots[slot] - 1;

		slot = (slot + 1) & (list->n_slots - 1);
		if (list->provides[place] != provide || list->holders[place] == e->holder)
			continue;
		list->holders[place] = e->holder;
		owner = solv_exports_owner_of(list, place);
		if (!list->found[owner]++)
			queue_push2(&e->found, number, (Id)owner);
	}
}

/* In all lists but BUT: only one package of a list has the exports of a bundle. */
static void take(struct mf_pool *mp, mf_provide provide, const struct mf_solv_list *but, Queue *to)
{
	uint32_t bit = MF_PROVIDE_SLOT(provide, FILTER);

	if (!(mp->exports->known[bit / 64] >> bit % 64 & 1))
		return;
	take_asked(mp, provide, to);
	for (size_t i = 0; i < mp->n_lists; i++)
		if (&mp->lists[i] != but)
			take_bundled(mp->exports, &mp->lists[i], (int)i, provide);
}

/* The bundle that a package of a list provides, before any that it was given; 0: it has none. */
static Id bundle_of(const Pool *pool, const struct mf_solv_list *list, uint32_t i)
{
	const Solvable *s = pool_id2solvable(pool, list->first + (Id)i);
	const Id *p = list->packages[i].n_bundled && s->provides
			      ? s->repo->idarraydata + s->provides
			      : NULL;

	for (; p && *p; p++)
		if (!ISRELDEP(*p) && mf_starts_with(pool_id2str(pool, *p), BUNDLE))
			return *p;
	return 0;
}

/* Ends with the holder at hand: TO gets the bundles that it has, but its OWN. */
static void end_holder(struct mf_pool *mp, Id own, Queue *to)
{
	struct mf_exports *e = mp->exports;

	for (int i = 0; i < e->found.count; i += 2) {
		struct mf_solv_list *list = &mp->lists[e->found.elements[i]];
		uint32_t owner = (uint32_t)e->found.elements[i + 1];
		Id name = bundle_of(mp->pool, list, owner);

		if (list->found[owner] < list->packages[owner].n_bundled || !name)
			e->unclear = true;
		else if (name != own)
			queue_push(to, name);
		list->found[owner] = 0;
	}
	queue_empty(&e->found);
	e->holder++;
}

void mf_pool_export(struct mf_pool *mp, const char *name, const char *crc)
{
	Id id;

	if (mf_starts_with(name, EXPORT) && table_of(mp)) {
		take(mp, mf_solv_hash(name, crc), NULL, &mp->system_exports);
		return;
	}
	id = pool_str2id(mp->pool, name, 0);
	if (id && crc)
		id = pool_rel2id(mp->pool, id, pool_str2id(mp->pool, crc, 1), REL_EQ, 1);
	if (id)
		queue_push(&mp->system_exports, id);
}

static void take_package(struct mf_pool *mp, const struct mf_solv_list *list, uint32_t i, Queue *to)
{
	for (uint32_t j = list->starts[i]; j < list->starts[i + 1]; j++)
		take(mp, list->provides[j], list, to);
}

void mf_exports_copy(struct mf_pool *mp, Id from, Queue *to)
{
	for (size_t i = 0; table_of(mp) && i < mp->n_lists; i++) {
		const struct mf_solv_list *list = &mp->lists[i];
		uint32_t package = (uint32_t)(from - list->first);
		Id bundle;

		if (!is_of(list, from))
			continue;
		take_package(mp, list, package, to);
		bundle = bundle_of(mp->pool, list, package);
		if (bundle)
			queue_push(to, bundle);
	}
}

void mf_exports_end_system(struct mf_pool *mp, Queue *to)
{
	queue_insertn(to, to->count, mp->system_exports.count, mp->system_exports.elements);
	queue_empty(&mp->system_exports);
	if (table_of(mp))
		end_holder(mp, 0, to);
}

static void solv_exports_add_provides(Pool *pool, Id id, const Queue *q)
{
	Solvable *s = pool_id2solvable(pool, id);

	for (int i = 0; i < q->count; i++)
		s->provides = repo_addid(s->repo, s->provides, q->elements[i]);
}

/* What is installed has its exports among its provides, unless it is a list for planning too. */
static void settle_installed(struct mf_pool *mp)
{
	Queue asked, bundles;
	Solvable *s;
	Id id;

	queue_init(&asked);
	queue_init(&bundles);
	FOR_REPO_SOLVABLES(mp->installed, id, s)
	{
		for (const Id *p = s->repo->idarraydata + s->provides;
		     id != mp->system && s->provides && *p; p++)
			if (mf_solv_is_export(mp->pool, *p))
				take(mp, mf_solv_hash_provide(mp->pool, *p), NULL, &asked);
		end_holder(mp, 0, &bundles);
		solv_exports_add_provides(mp->pool, id, &bundles);
		queue_empty(&bundles);
	}
	queue_free(&asked);
	queue_free(&bundles);
}

static void settle_list(struct mf_pool *mp, const struct mf_solv_list *list)
{
	Queue q;

	queue_init(&q);
	for (uint32_t i = 0; i < list->n; i++) {
		/* a filter may have taken it out of the pool */
		if (mf_pool_is_of_other(mp, list->first + (Id)i) ||
		    !pool_id2solvable(mp->pool, list->first + (Id)i)->repo)
			continue;
		take_package(mp, list, i, &q);
		end_holder(mp, bundle_of(mp->pool, list, i), &q);
		solv_exports_add_provides(mp->pool, list->first + (Id)i, &q);
		queue_empty(&q);
	}
	queue_free(&q);
}

bool mf_pool_settle(struct mf_pool *mp)
{
	if (!mp->n_lists)
		return true;
	if (!table_of(mp))
		return false;
	settle_installed(mp);
	for (size_t i = 0; i < mp->n_lists; i++)
		settle_list(mp, &mp->lists[i]);
	return !mp->exports->unclear;
}

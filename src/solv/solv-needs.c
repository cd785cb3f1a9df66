/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of libsolv, for people's questions: license and description, and each need with those
 * who have it.
 *
 * Who has a need is libsolv's answer, versions and flags included.
 */
#include "modfetch/solv.h"
#include <errno.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "solv-private.h"

/* Does any of the provides stand under a string that is marked? */
static bool has_marked(Pool *pool, const Solvable *s, const Map *marked)
{
	const Id *p = s->provides ? s->repo->idarraydata + s->provides : NULL;

	for (; p && *p; p++) {
		Id id = *p;

		while (ISRELDEP(id))
			id = GETRELDEP(pool, id)->name;
		if (id < marked->size << 3 && MAPTST(marked, id))
			return true;
	}
	return false;
}

static int each_marked(struct mf_pool *mp, int origin, const Map *marked, mf_pool_visit *visit,
		       void *arg)
{
	Pool *pool = mp->pool;
	int r = 0;

	for (Id id = 2; !r && id < pool->nsolvables; id++) {
		const Solvable *s = pool_id2solvable(pool, id);

		if (s->repo && mf_solv_origin(mp, id) == origin && has_marked(pool, s, marked))
			r = visit(arg, id);
	}
	return r;
}

int mf_pool_each_with(struct mf_pool *mp, int origin, const char *const *names, size_t n,
		      mf_pool_visit *visit, void *arg)
{
	Map marked;
	int r;

	map_init(&marked, mp->pool->ss.nstrings);
	for (size_t i = 0; i < n; i++) {
		Id id = pool_str2id(mp->pool, names[i], 0);

		if (id)
			MAPSET(&marked, id);
	}
	r = each_marked(mp, origin, &marked, visit, arg);
	map_free(&marked);
	return r;
}

int mf_pool_each_form(struct mf_pool *mp, int origin, const char *open, mf_pool_visit *visit,
		      void *arg)
{
	size_t len = strlen(open);
	bool any = false;
	Map marked;
	int r = 0;

	map_init(&marked, mp->pool->ss.nstrings);
	for (Id id = 1; id < mp->pool->ss.nstrings; id++)
		if (!strncmp(pool_id2str(mp->pool, id), open, len)) {
			MAPSET(&marked, id);
			any = true;
		}
	if (any)
		r = each_marked(mp, origin, &marked, visit, arg);
	map_free(&marked);
	return r;
}

void mf_pool_text(struct mf_pool *pool, int id, struct mf_text *ret_text)
{
	Solvable *s = pool_id2solvable(pool->pool, id);

	Id key = pool_str2id(pool->pool, DESCRIPTION, 0);

	*ret_text = (struct mf_text){
		.license = solvable_lookup_str(s, SOLVABLE_LICENSE),
		.description = key ? solvable_lookup_str(s, key) : NULL,
	};
	/* an installed package came straight from its header */
	if (!ret_text->description)
		ret_text->description = solvable_lookup_str(s, SOLVABLE_DESCRIPTION);
}

static int visit_need(Pool *pool, Id need, mf_need_visit *visit, void *arg)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0, i = 0;
	Id who, offset;

	FOR_PROVIDES(who, offset, need)
	n++;
	ids = calloc(n + 1, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	FOR_PROVIDES(who, offset, need)
	ids[i++] = who;
	return visit(arg, pool_dep2str(pool, need), ids, n);
}

int mf_pool_needs(struct mf_pool *pool, int id, enum mf_dep_kind kind, mf_need_visit *visit,
		  void *arg)
{
	Pool *p = pool->pool;
	int r = 0;
	Queue q;

	queue_init(&q);
	mf_solv_deps(p, id, kind, &q);
	for (int i = 0; !r && i < q.count; i++)
		if (q.elements[i] != SOLVABLE_PREREQMARKER)
			r = visit_need(p, q.elements[i], visit, arg);
	queue_free(&q);
	return r;
}

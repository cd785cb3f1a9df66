/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of libsolv, for people's questions: license and description, and each need with those
 * who have it.
 *
 * Who has a need is libsolv's answer, versions and flags included.
 */
#include "modfetch/solv.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
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

int mf_pool_each_named(struct mf_pool *mp, int origin, const char *name, mf_pool_visit *visit,
		       void *arg)
{
	Id wanted = pool_str2id(mp->pool, name, 0);
	int r = 0;

	for (Id id = 2; wanted && !r && id < mp->pool->nsolvables; id++) {
		const Solvable *s = pool_id2solvable(mp->pool, id);

		if (s->repo && s->name == wanted && mf_solv_origin(mp, id) == origin)
			r = visit(arg, id);
	}
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

struct mf_numbered {
	struct mf_pool *pool;
	uint32_t *numbers; /* of each string of the pool, or 0 */
	Id n;
};

int mf_pool_each_name(struct mf_pool *mp, const char *open, mf_pool_name_visit *visit, void *arg)
{
	size_t len = strlen(open);
	int r = 0;

	/* a visitor may add names of its own */
	for (Id id = 1, n = mp->pool->ss.nstrings; !r && id < n; id++) {
		const char *name = pool_id2str(mp->pool, id);

		if (!strncmp(name, open, len))
			r = visit(arg, name);
	}
	return r;
}

int mf_numbered_new(struct mf_pool *mp, const char *open, mf_number_name *number, void *arg,
		    struct mf_numbered **ret_numbered)
{
	struct mf_numbered *numbered = calloc(1, sizeof(*numbered));
	size_t len = strlen(open);

	if (!numbered)
		return -ENOMEM;
	numbered->pool = mp;
	numbered->n = mp->pool->ss.nstrings;
	numbered->numbers = calloc((size_t)numbered->n, sizeof(*numbered->numbers));
	if (!numbered->numbers) {
		mf_numbered_free(numbered);
		return -ENOMEM;
	}
	for (Id id = 1; id < numbered->n; id++) {
		const char *name = pool_id2str(mp->pool, id);

		if (!strncmp(name, open, len))
			numbered->numbers[id] = number(arg, name);
	}
	*ret_numbered = numbered;
	return 0;
}

void mf_numbered_free(struct mf_numbered *numbered)
{
	if (numbered)
		free(numbered->numbers);
	free(numbered);
}

static int visit_numbered(const struct mf_numbered *numbered, Id id, mf_numbered_visit *visit,
			  void *arg)
{
	Pool *pool = numbered->pool->pool;
	const Solvable *s = pool_id2solvable(pool, id);
	const Id *p = s->provides ? s->repo->idarraydata + s->provides : NULL;
	int r = 0;

	for (; !r && p && *p; p++) {
		Id name = *p;

		while (ISRELDEP(name))
			name = GETRELDEP(pool, name)->name;
		if (name < numbered->n && numbered->numbers[name])
			r = visit(arg, id, numbered->numbers[name]);
	}
	return r;
}

int mf_numbered_each(const struct mf_numbered *numbered, int origin, mf_numbered_visit *visit,
		     void *arg)
{
	struct mf_pool *mp = numbered->pool;
	int r = 0;

	for (Id id = 2; !r && id < mp->pool->nsolvables; id++)
		if (pool_id2solvable(mp->pool, id)->repo && mf_solv_origin(mp, id) == origin)
			r = visit_numbered(numbered, id, visit, arg);
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

/* Needs of a scriptlet stand after the marker. Other programs are there because the script calls them. */
static bool is_interpreter(const char *need)
{
	static const char *const names[] = { "sh",  "bash", "dash",    "ash",	   "ksh",
					     "lua", "perl", "python3", "ldconfig", "true" };
	const char *slash = strrchr(need, '/');

	for (size_t i = 0; *need == '/' && i < MF_ARRAY_SIZE(names); i++)
		if (!strcmp(slash + 1, names[i]))
			return true;
	return false;
}

const char *mf_pool_interpreter(const struct mf_pool *mp, int id)
{
	const Solvable *s = pool_id2solvable(mp->pool, id);
	const Id *p = s->requires ? s->repo->idarraydata + s->requires : NULL;

	while (p && *p && *p != SOLVABLE_PREREQMARKER)
		p++;
	for (; p && *p; p++)
		if (!ISRELDEP(*p) && is_interpreter(pool_id2str(mp->pool, *p)))
			return pool_id2str(mp->pool, *p);
	return NULL;
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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of libsolv: may a pool made of parts (solv-parts.c) be planned with, or could a plan
 * reach what is installed?
 *
 * What is installed needs others, and these are not looked for in the list: as long as all of it
 * stays, nothing can be missing. It stays where no package of the pool has the name of an installed
 * one, conflicts with or obsoletes anything, or is kept out by one that is installed. A package
 * that is installed already may be there once more, in the same version: whoever needs the one is
 * content with the other, and what is installed is taken first.
 */
#include <errno.h>
#include "solv-parts.h"

/* What the dependencies begin with, each string of them. */
static void note_dep(Pool *pool, Id dep, Map *names)
{
	for (; ISRELDEP(dep); dep = GETRELDEP(pool, dep)->name)
		if (GETRELDEP(pool, dep)->flags > 7)
			note_dep(pool, GETRELDEP(pool, dep)->evr, names);
	MAPSET(names, dep);
}

void mf_solv_note_deps(const Solvable *s, Offset deps, Map *names)
{
	for (const Id *p = deps ? s->repo->idarraydata + deps : NULL; p && *p; p++)
		note_dep(s->repo->pool, *p, names);
}

/* Does one of its dependencies begin with a string that is noted? */
bool mf_solv_has_noted(const Solvable *s, Offset deps, const Map *names)
{
	for (const Id *p = deps ? s->repo->idarraydata + deps : NULL; p && *p; p++) {
		Id id = *p;

		while (ISRELDEP(id))
			id = GETRELDEP(s->repo->pool, id)->name;
		if (id < names->size << 3 && MAPTST(names, id))
			return true;
	}
	return false;
}

/* What the installed packages are called, and what they keep out. */
struct standing {
	struct mf_pool *pool;
	Map names, barred;
};

static void stand(struct standing *st, struct mf_pool *mp)
{
	Pool *pool = mp->pool;
	Solvable *s;
	Id id;

	st->pool = mp;
	map_init(&st->names, pool->ss.nstrings);
	map_init(&st->barred, pool->ss.nstrings);
	FOR_REPO_SOLVABLES(mp->installed, id, s)
	{
		MAPSET(&st->names, s->name);
		mf_solv_note_deps(s, s->conflicts, &st->barred);
		mf_solv_note_deps(s, s->obsoletes, &st->barred);
	}
}

static void standing_done(struct standing *st)
{
	map_free(&st->names);
	map_free(&st->barred);
}

/* Has the first all that the second provides? */
static bool covers(const Solvable *s, const Solvable *other)
{
	Pool *pool = s->repo->pool;
	bool all = true;
	Map names, rels;

	map_init(&names, pool->ss.nstrings);
	map_init(&rels, pool->nrels);
	for (const Id *p = s->provides ? s->repo->idarraydata + s->provides : NULL; p && *p; p++)
		if (ISRELDEP(*p))
			MAPSET(&rels, GETRELID(*p));
		else
			MAPSET(&names, *p);
	for (const Id *p = other->provides ? other->repo->idarraydata + other->provides : NULL;
	     p && *p && all; p++)
		all = ISRELDEP(*p) ? MAPTST(&rels, GETRELID(*p)) != 0 : MAPTST(&names, *p) != 0;
	map_free(&names);
	map_free(&rels);
	return all;
}

/* Every installed package of that name is that very package, and has what is asked of it. */
static bool is_twin(const struct mf_pool *mp, const Solvable *s)
{
	Solvable *other;
	Id id;

	FOR_REPO_SOLVABLES(mp->installed, id, other)
	if (other->name == s->name &&
	    (other->evr != s->evr || other->arch != s->arch || !covers(other, s)))
		return false;
	return true;
}

/*
 * Could the package take the place of one that is installed, or keep it out? Then all that the
 * installed ones need counts, and all that could stand in for it. Its twin changes nothing.
 */
static bool touches(const struct standing *st, const Solvable *s)
{
	return s->conflicts || s->obsoletes || mf_solv_has_noted(s, s->provides, &st->barred) ||
	       (s->name < st->names.size << 3 && MAPTST(&st->names, s->name) &&
		!is_twin(st->pool, s));
}

bool mf_parts_touch(struct mf_pool *mp)
{
	const struct mf_parts *parts = mp->parts;
	struct standing st;
	bool touched = false;

	stand(&st, mp);
	/* symbols that nobody asks for are not in the pool */
	for (Id id = 1; !touched && id < mp->pool->ss.nstrings; id++)
		touched = MAPTST(&st.barred, id) &&
			  mf_starts_with(pool_id2str(mp->pool, id), "ksym(");
	for (Id id = 2; !touched && id < mp->pool->nsolvables; id++) {
		const Solvable *s = pool_id2solvable(mp->pool, id);

		/* the image is there for its version: nothing brings it in */
		if (s->repo == parts->repo ? id != parts->start + (Id)parts->head->image - 1
					   : s->repo && MAPTST(&parts->reached, id))
			touched = touches(&st, s);
	}
	standing_done(&st);
	return touched;
}

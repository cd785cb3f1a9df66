/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of libsolv: drivers of the repositories that are installed in the same version.
 *
 * libsolv would make rules for each of them, as an update, and for all that it needs: with a package
 * for each of 4,000 modules these are nearly all rules of a plan. In a pool with lists for
 * planning they are hidden; the whole lists have them, for a package that is to be installed again.
 */
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/solve.h"
#include "solv-private.h"

/* Which installed packages have a name. */
struct named {
	Id *first; /* by string: the first package of that name, or 0 */
	Id *next;  /* by package: the next one of the same name, or 0 */
};

static bool copies_is_installed(const Pool *pool, const struct named *named, const Solvable *s)
{
	for (Id id = named->first[s->name]; id; id = named->next[id]) {
		const Solvable *installed = pool_id2solvable(pool, id);

		if (installed->evr == s->evr && installed->arch == s->arch)
			return true;
	}
	return false;
}

void mf_pool_hide_copies(struct mf_pool *mp)
{
	Pool *pool = mp->pool;
	_cleanup_free_ Id *first = calloc((size_t)pool->ss.nstrings, sizeof(*first));
	_cleanup_free_ Id *next = calloc((size_t)pool->nsolvables, sizeof(*next));
	const struct named named = { first, next };
	const Solvable *s;
	Id id;

	if (!first || !next)
		return;
	FOR_REPO_SOLVABLES(mp->installed, id, s)
	{
		next[id] = first[s->name];
		first[s->name] = id;
	}
	for (id = 2; id < pool->nsolvables; id++) {
		s = pool_id2solvable(pool, id);
		if (s->repo && s->repo != mp->installed &&
		    strstr(pool_id2str(pool, s->name), "-kmp-") &&
		    copies_is_installed(pool, &named, s))
			mf_pool_refuse(mp, id, true);
	}
}

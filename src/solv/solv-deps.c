/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of libsolv: a package's dependencies by kind, and a provide as a hash.
 *
 * The hash stands for a provide in the form for planning (solv-plan.c). Provides with equal hashes
 * count as equal: with 40 bits of the name and 24 of the version that is unlikely among the tens of
 * thousands of a repository.
 */
#include <string.h>
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "modfetch/table.h"
#include "solv-private.h"

static const struct {
	const char *name;
	Id key;
} dep_kinds[] = {
	[MF_PROVIDES] = { "provides", SOLVABLE_PROVIDES },
	[MF_REQUIRES] = { "requires", SOLVABLE_REQUIRES },
	[MF_RECOMMENDS] = { "recommends", SOLVABLE_RECOMMENDS },
	[MF_SUGGESTS] = { "suggests", SOLVABLE_SUGGESTS },
	[MF_CONFLICTS] = { "conflicts", SOLVABLE_CONFLICTS },
	[MF_OBSOLETES] = { "obsoletes", SOLVABLE_OBSOLETES },
	[MF_SUPPLEMENTS] = { "supplements", SOLVABLE_SUPPLEMENTS },
};

const char *mf_dep_kind_name(enum mf_dep_kind kind)
{
	return dep_kinds[kind].name;
}

void mf_solv_deps(Pool *pool, Id id, enum mf_dep_kind kind, Queue *q)
{
	Solvable *s = pool_id2solvable(pool, id);
	Id own = kind == MF_SUGGESTS ? pool_str2id(pool, SUGGESTS, 0) : 0;

	/* 0: what stands on both sides of libsolv's prerequisite marker */
	solvable_lookup_deparray(s, dep_kinds[kind].key, q, 0);
	if (own && !q->count)
		solvable_lookup_deparray(s, own, q, 0);
}

mf_provide mf_solv_hash(const char *name, const char *evr)
{
	uint64_t h = evr ? mf_hash(evr, strlen(evr)) & MF_PROVIDE_EVR : 0;

	return (mf_hash(name, strlen(name)) & ~(uint64_t)MF_PROVIDE_EVR) | (evr && !h ? 1 : h);
}

bool mf_solv_is_export(const Pool *pool, Id dep)
{
	const Reldep *rel = ISRELDEP(dep) ? GETRELDEP(pool, dep) : NULL;
	Id name = rel ? rel->name : dep;

	return !(rel && (rel->flags != REL_EQ || ISRELDEP(name) || ISRELDEP(rel->evr))) &&
	       mf_starts_with(pool_id2str(pool, name), EXPORT);
}

mf_provide mf_solv_hash_provide(const Pool *pool, Id dep)
{
	const Reldep *rel = ISRELDEP(dep) ? GETRELDEP(pool, dep) : NULL;

	return mf_solv_hash(pool_id2str(pool, rel ? rel->name : dep),
			    rel ? pool_id2str(pool, rel->evr) : NULL);
}

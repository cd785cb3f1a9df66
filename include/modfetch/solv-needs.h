/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SOLV_NEEDS_H
#define MODFETCH_SOLV_NEEDS_H
/*
 * What a package of a pool says of itself to people, and who has what it needs. For a pool that is
 * ready.
 */
#include "modfetch/solv.h"

struct mf_text { /* strings live until the next question or as long as the pool; or NULL */
	const char *license, *description;
};
void mf_pool_text(struct mf_pool *pool, int id, struct mf_text *ret_text);

/*
 * Told one thing a package needs, as libsolv writes it ("ksym(amd64:foo) = 1f2e"), and the N
 * packages that have it: none, or in the pool's order. A non-zero return ends it.
 */
typedef int mf_need_visit(void *arg, const char *need, const int *ids, size_t n);
/* KIND: any but MF_PROVIDES and MF_SUPPLEMENTS. 0, the visitor's return, or -ENOMEM. */
int mf_pool_needs(struct mf_pool *pool, int id, enum mf_dep_kind kind, mf_need_visit *visit,
		  void *arg);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of libsolv, for the files of packages: filelists.xml added to the packages of a list,
 * their files, and provides that follow from them.
 *
 * libsolv finds the package of an entry by its checksum, so an entry of another package is ignored.
 * File lists stay in memory as long as the pool; a cache file has none of them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/solv.h"
#include "solv-private.h"

static Repo *files_repo(struct mf_pool *mp, int origin)
{
	for (int i = 1; i < mp->pool->nrepos; i++) {
		Repo *repo = mp->pool->repos[i];

		if (repo && repo != mp->installed && (int)(intptr_t)repo->appdata == origin)
			return repo;
	}
	return NULL;
}

int mf_pool_add_filelists(struct mf_pool *pool, int fd, int origin)
{
	Repo *repo = files_repo(pool, origin);
	_cleanup_fclose_ FILE *f = mf_solv_stream(fd, "r");

	if (!f)
		return -errno;
	if (!repo || repo_add_rpmmd(repo, f, "FL", REPO_EXTEND_SOLVABLES))
		return -EBADMSG;
	pool_addfileprovides(pool->pool);
	return 0;
}

int mf_pool_each_file(struct mf_pool *pool, int id, mf_pool_name_visit *visit, void *arg)
{
	Dataiterator di;
	int r = 0;

	dataiterator_init(&di, pool->pool, NULL, id, SOLVABLE_FILELIST, NULL,
			  SEARCH_FILES | SEARCH_COMPLETE_FILELIST);
	while (!r && dataiterator_step(&di))
		r = visit(arg, di.kv.str);
	dataiterator_free(&di);
	return r;
}

void mf_pool_add_provide(struct mf_pool *pool, int id, const char *name)
{
	Solvable *s = pool_id2solvable(pool->pool, id);

	/* -SOLVABLE_FILEMARKER: before the files that others need */
	s->provides = repo_addid_dep(s->repo, s->provides, pool_str2id(pool->pool, name, 1),
				     -SOLVABLE_FILEMARKER);
}

const char *mf_pool_source(struct mf_pool *pool, int id)
{
	Solvable *s = pool_id2solvable(pool->pool, id);

	/* libsolv does not note a source of the package's own name */
	if (solvable_lookup_void(s, SOLVABLE_SOURCENAME))
		return pool_id2str(pool->pool, s->name);
	return solvable_lookup_str(s, SOLVABLE_SOURCENAME);
}

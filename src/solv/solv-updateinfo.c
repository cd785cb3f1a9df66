/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What updateinfo.xml says, by libsolv's parser: which package of which version repairs what.
 *
 * libsolv turns each advisory into a package "patch:ID" in a pool of its own, with the packages of
 * the advisory as a list in it. A document that is not well-formed has no advisory at all, so that half
 * of a file is never taken for the whole. An advisory that its vendor has retracted ("retracted" is
 * SUSE's word) announces an update that must not be relied on.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/solv.h"
#include "modfetch/strings.h"
#include "solv-private.h"

#define PATCH	  "patch:"
#define RETRACTED "retracted"

static int updateinfo_visit_packages(Pool *pool, Repo *repo, Id id, struct mf_updateinfo *entry,
				     mf_updateinfo_visit *visit, void *arg)
{
	Dataiterator di;
	int r = 0;

	dataiterator_init(&di, pool, repo, id, UPDATE_COLLECTION, NULL, 0);
	while (!r && dataiterator_step(&di)) {
		Id name, evr, arch;

		dataiterator_setpos(&di);
		name = pool_lookup_id(pool, SOLVID_POS, UPDATE_COLLECTION_NAME);
		evr = pool_lookup_id(pool, SOLVID_POS, UPDATE_COLLECTION_EVR);
		arch = pool_lookup_id(pool, SOLVID_POS, UPDATE_COLLECTION_ARCH);
		if (!name || !evr || !arch)
			continue;
		entry->name = pool_id2str(pool, name);
		entry->evr = pool_id2str(pool, evr);
		entry->arch = pool_id2str(pool, arch);
		r = visit(arg, entry);
	}
	dataiterator_free(&di);
	return r;
}

static int updateinfo_visit_all(Pool *pool, Repo *repo, mf_updateinfo_visit *visit, void *arg)
{
	Solvable *s;
	Id id;
	int r = 0;

	FOR_REPO_SOLVABLES(repo, id, s)
	{
		struct mf_updateinfo entry = {
			.id = pool_id2str(pool, s->name),
			.type = solvable_lookup_str(s, SOLVABLE_PATCHCATEGORY),
			.severity = solvable_lookup_str(s, UPDATE_SEVERITY),
		};
		const char *status = solvable_lookup_str(s, UPDATE_STATUS);

		if (!mf_starts_with(entry.id, PATCH) || (status && !strcmp(status, RETRACTED)))
			continue;
		entry.id += strlen(PATCH);
		r = updateinfo_visit_packages(pool, repo, id, &entry, visit, arg);
		if (r)
			return r;
	}
	return 0;
}

int mf_updateinfo_parse(int fd, mf_updateinfo_visit *visit, void *arg)
{
	_cleanup_fclose_ FILE *f = mf_solv_stream(fd, "r");
	Pool *pool;
	Repo *repo;
	int r;

	if (!f)
		return -errno;
	pool = pool_create();
	pool_setdisttype(pool, DISTTYPE_RPM);
	repo = repo_create(pool, "updateinfo");
	r = repo_add_updateinfoxml(repo, f, 0) ? -EBADMSG
					       : updateinfo_visit_all(pool, repo, visit, arg);
	pool_free(pool);
	return r;
}

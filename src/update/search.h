/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef UPDATE_SEARCH_H
#define UPDATE_SEARCH_H
/* What a search for updates, and the lists of packages, work with. */
#include "modfetch/asked.h"
#include "modfetch/catalog.h"
#include "modfetch/kept.h"
#include "modfetch/module-name.h"
#include "modfetch/rules.h"
#include "modfetch/taken-back.h"
#include "modfetch/update.h"

struct search {
	struct mf_context *ctx;
	struct mf_catalog *catalog;
	const struct mf_repos *repos;
	struct mf_pool *pool;
	struct mf_kept kept;
	struct mf_taken_back taken;
	struct mf_asked asked;
	struct mf_rules *rules;
	int *other_builds;
	size_t n_other_builds;
	struct mf_updates *updates;
};

/* Opens the catalog with whole lists, and reads what else counts. 0 or a recorded failure. */
int update_search_begin(struct search *s);
void update_search_done(struct search *s);

/* The place of the repository that a package came from in s->repos; -1: of none that is known. */
int update_origin_of(const struct search *s, const char *label);
/* The first module that a package provides; "": none. */
void update_first_module(const struct search *s, int id, char module[MF_MODULE_NAME_SIZE]);
void update_entry_done(struct mf_update *update);
/* For qsort(3) of updates. */
int update_compare_names(const void *a, const void *b);

#endif

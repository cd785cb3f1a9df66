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
#include "modfetch/want.h"

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
	/* of this machine, and those that were seen lately: devices.c reads them when they matter */
	struct mf_wants devices;
	bool devices_read;
};

/* Opens the catalog with whole lists, and reads what else counts. 0 or a recorded failure. */
int update_search_begin(struct search *s);
void update_search_done(struct search *s);

/* An installed driver. */
struct driver {
	struct mf_package package;
	char *label; /* the caller's to free */
	int origin;  /* the place of its repository in s->repos; -1: of none that is known */
	char module[MF_MODULE_NAME_SIZE]; /* the first one that it provides; "": none */
};
/*
 * Is the installed package a driver for this kernel: has it a module, or did modfetch install it? 1;
 * 0; or -ENOMEM. RET_DRIVER is filled on 1.
 */
int update_look_at_driver(const struct search *s, int id, struct driver *ret_driver);
/* Appends UPDATE, whose strings are complete, and takes ownership; frees it without memory. 0 or -ENOMEM. */
int update_append(struct search *s, struct mf_update *update);
/* For qsort(3) of updates. */
int update_compare_names(const void *a, const void *b);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packages of one driver with different aliases.
 *
 * A repository may have several versions of a driver, or packages of several vendors with the same
 * module. Most times all of them serve the same devices, and any one will do for a device. Where a
 * version has lost or won a device, only those that have its alias may be chosen for it, so the
 * aliases of each such package are noted beside the index (indexes.c). Most repositories have one
 * package for each module: then nothing is compared.
 *
 * Aliases are compared by a sum of hashes of their text. If two spellings mean the same, more is
 * noted than needed, and nothing else changes.
 */
#include "differing.h"
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "modfetch/table.h"

/* A package under one of the keys that it may share with others: a module, or its own name. */
struct row {
	char *key; /* "kmod(igb)", or a name, which has no bracket */
	int id;
};

struct rows {
	struct row *v;
	size_t n, room;
	int id; /* the package at hand */
};

static void rows_done(struct rows *rows)
{
	for (size_t i = 0; i < rows->n; i++)
		free(rows->v[i].key);
	free(rows->v);
}

void repo_differing_done(struct repo_differing *differing)
{
	free(differing->ids);
	*differing = (struct repo_differing){ 0 };
}

/* Takes ownership of KEY, which may be NULL: no memory. */
static int rows_add(struct rows *rows, char *key)
{
	if (!key || mf_array_reserve(&rows->v, &rows->room, rows->n + 1, sizeof(*rows->v)) < 0) {
		free(key);
		return -ENOMEM;
	}
	rows->v[rows->n++] = (struct row){ key, rows->id };
	return 0;
}

static int differing_on_module(void *arg, const char *name, const char *evr)
{
	char module[MF_MODULE_NAME_SIZE];

	return mf_dep_module(name, module, sizeof(module))
		       ? rows_add(arg, mf_format("kmod(%s)", module))
		       : 0;
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int r = strcmp(x->key, y->key);

	return r ? r : (x->id > y->id) - (x->id < y->id);
}

/* ---- the aliases of a package ---- */

static int add_supplement_to_sum(void *arg, const char *name, const char *evr)
{
	*(uint64_t *)arg += mf_hash(name, strlen(name));
	return 0;
}

static int add_alias_to_sum(void *arg, const char *name, const char *evr)
{
	return mf_starts_with(name, "modalias(") || mf_starts_with(name, "kalias(")
		       ? add_supplement_to_sum(arg, name, evr)
		       : 0;
}

static uint64_t sum_aliases(struct mf_pool *pool, int id)
{
	uint64_t sum = 0;

	(void)mf_pool_deps(pool, id, MF_SUPPLEMENTS, add_supplement_to_sum, &sum);
	(void)mf_pool_deps(pool, id, MF_PROVIDES, add_alias_to_sum, &sum);
	return sum;
}

/* ---- all ---- */

/* The packages of one key: adds them all if any two differ. */
static void add_if_differing(struct mf_pool *pool, const struct row *rows, size_t n,
			     struct repo_differing *differing)
{
	uint64_t first = n > 1 ? sum_aliases(pool, rows[0].id) : 0;
	bool differ = false;

	for (size_t i = 1; i < n && !differ; i++)
		differ = rows[i].id != rows[0].id && sum_aliases(pool, rows[i].id) != first;
	for (size_t i = 0; i < n && differ; i++)
		differing->ids[differing->n++] = rows[i].id;
}

static int compare_ids(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

int repo_differing_find(struct mf_pool *pool, const int *ids, size_t n,
			struct repo_differing *ret_differing)
{
	_cleanup_(rows_done) struct rows rows = { 0 };
	struct repo_differing differing = { 0 };
	size_t end;
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		rows.id = ids[i];
		r = rows_add(&rows, strdup(mf_pool_name(pool, ids[i])));
		if (!r)
			r = mf_pool_deps(pool, ids[i], MF_PROVIDES, differing_on_module, &rows);
	}
	/* each row is added once at most */
	differing.ids = r < 0 ? NULL : calloc(rows.n + 1, sizeof(*differing.ids));
	if (!differing.ids)
		return -ENOMEM;
	if (rows.n)
		qsort(rows.v, rows.n, sizeof(*rows.v), compare_rows);
	for (size_t i = 0; i < rows.n; i = end) {
		for (end = i + 1; end < rows.n && !strcmp(rows.v[end].key, rows.v[i].key);)
			end++;
		add_if_differing(pool, &rows.v[i], end - i, &differing);
	}
	if (differing.n)
		qsort(differing.ids, differing.n, sizeof(*differing.ids), compare_ids);
	*ret_differing = differing;
	return 0;
}

bool repo_differing_has(const struct repo_differing *differing, int id)
{
	return differing->n &&
	       bsearch(&id, differing->ids, differing->n, sizeof(*differing->ids), compare_ids);
}

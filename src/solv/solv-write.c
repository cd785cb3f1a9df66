/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of libsolv: packages written as a cache file.
 *
 * Supplements are left out, which the alias index has, and of recommends and suggests what is no
 * driver or firmware. The form for planning leaves out more: see solv-plan.c.
 *
 * A file ends in a mark of its own: libsolv does not report an end that is missing.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/table.h"
#include "solv-private.h"

/* Recommends and suggests are followed: only those of drivers and firmware may be. */
static void keep_drivers(Pool *pool, Queue *q)
{
	int kept = 0;

	for (int i = 0; i < q->count; i++)
		if (mf_dep_is_driver(pool_id2str(pool, q->elements[i])))
			q->elements[kept++] = q->elements[i];
	queue_truncate(q, kept);
}

static void copy_suggests(Pool *pool, Repodata *data, Id from, Id to)
{
	Id key = pool_str2id(pool, SUGGESTS, 1);
	Queue q;

	queue_init(&q);
	mf_solv_deps(pool, from, MF_SUGGESTS, &q);
	keep_drivers(pool, &q);
	for (int i = 0; i < q.count; i++)
		repodata_add_idarray(data, to, key, q.elements[i]);
	queue_free(&q);
}

/* BUNDLES: for planning, of the package at PLACE of the list; or NULL. */
static void copy_deps(Solvable *from, Solvable *to, Id key, const struct mf_bundles *bundles,
		      size_t place)
{
	Queue q;

	queue_init(&q);
	/* 0: what stands on both sides of libsolv's prerequisite marker */
	solvable_lookup_deparray(from, key, &q, 0);
	if (key == SOLVABLE_RECOMMENDS)
		keep_drivers(from->repo->pool, &q);
	if (key == SOLVABLE_REQUIRES && bundles)
		mf_bundles_needs(bundles, place, &q);
	if (key == SOLVABLE_PROVIDES && bundles)
		mf_bundles_provides(bundles, place, &q);
	if (q.count)
		solvable_set_deparray(to, key, &q, 0);
	queue_free(&q);
}

/* For people. */
static void solv_write_copy_texts(Repodata *data, Solvable *from, Id id)
{
	const char *text = solvable_lookup_str(from, SOLVABLE_SUMMARY);

	if (text)
		repodata_set_str(data, id, SOLVABLE_SUMMARY, text);
	text = solvable_lookup_str(from, SOLVABLE_LICENSE);
	if (text)
		repodata_set_poolstr(data, id, SOLVABLE_LICENSE, text);
	text = solvable_lookup_str(from, SOLVABLE_DESCRIPTION);
	if (text && *text)
		repodata_set_str(data, id, pool_str2id(from->repo->pool, DESCRIPTION, 1), text);
}

static void copy_digest(Pool *pool, Repodata *data, Solvable *from, Id id)
{
	Id key = pool_str2id(pool, HEADER_DIGEST, 0), type = 0;
	const unsigned char *sum = key ? solvable_lookup_bin_checksum(from, key, &type) : NULL;

	if (sum)
		repodata_set_bin_checksum(data, id, key, type, sum);
}

/* What is written, and how. */
struct form {
	const struct mf_bundles *bundles; /* for planning; NULL: all that there is */
	bool installed;
};

/* Which kernel a package is a part of: solv-marks.c asks that of installed ones in each form. */
static void copy_kernel_needs(Solvable *from, Solvable *to)
{
	Pool *pool = from->repo->pool;
	int kept = 0;
	Queue q;

	queue_init(&q);
	solvable_lookup_deparray(from, SOLVABLE_REQUIRES, &q, 0);
	for (int i = 0; i < q.count; i++)
		if (mf_dep_is_uname_r(pool_id2str(pool, q.elements[i])))
			q.elements[kept++] = q.elements[i];
	queue_truncate(&q, kept);
	if (kept)
		solvable_set_deparray(to, SOLVABLE_REQUIRES, &q, 0);
	queue_free(&q);
}

/* What installed packages need is not written for planning, see solv-plan.c. */
static bool form_has(const struct form *form, Id array)
{
	return !form->bundles || !form->installed ||
	       (array != SOLVABLE_REQUIRES && array != SOLVABLE_RECOMMENDS);
}

static void copy_package(Pool *pool, Repodata *data, Repo *slim, Id from_id,
			 const struct form *form, size_t place)
{
	static const Id arrays[] = { SOLVABLE_PROVIDES, SOLVABLE_REQUIRES, SOLVABLE_CONFLICTS,
				     SOLVABLE_OBSOLETES, SOLVABLE_RECOMMENDS };
	Id id = repo_add_solvable(slim);
	Solvable *to = pool_id2solvable(pool, id), *from = pool_id2solvable(pool, from_id);
	const unsigned char *sum;
	const char *text;
	unsigned int medianr;
	Id type = 0;

	to->name = from->name;
	to->evr = from->evr;
	to->arch = from->arch;
	to->vendor = from->vendor;
	for (size_t i = 0; i < MF_ARRAY_SIZE(arrays); i++)
		if (form_has(form, arrays[i]))
			copy_deps(from, to, arrays[i], form->bundles, place);
	if (!form_has(form, SOLVABLE_REQUIRES))
		copy_kernel_needs(from, to);
	if (form_has(form, SOLVABLE_RECOMMENDS))
		copy_suggests(pool, data, from_id, id);
	text = solvable_lookup_location(from, &medianr);
	if (text)
		repodata_set_location(data, id, 0, NULL, text);
	text = solvable_lookup_str(from, SOLVABLE_MEDIABASE);
	if (text)
		repodata_set_poolstr(data, id, SOLVABLE_MEDIABASE, text);
	sum = solvable_lookup_bin_checksum(from, SOLVABLE_CHECKSUM, &type);
	if (sum)
		repodata_set_bin_checksum(data, id, SOLVABLE_CHECKSUM, type, sum);
	/* a plan needs no texts */
	if (!form->bundles) {
		solv_write_copy_texts(data, from, id);
		copy_digest(pool, data, from, id);
	}
	repodata_set_num(data, id, SOLVABLE_DOWNLOADSIZE,
			 solvable_lookup_num(from, SOLVABLE_DOWNLOADSIZE, 0));
	repodata_set_num(data, id, SOLVABLE_INSTALLSIZE,
			 solvable_lookup_num(from, SOLVABLE_INSTALLSIZE, 0));
}

/* Packages as a .solv file in new memory. 0 or -errno. */
static int write_list(struct mf_pool *pool, const int *ids, size_t n, const struct form *form,
		      char **ret_text, size_t *ret_len)
{
	Repo *slim = repo_create(pool->pool, "slim");
	Repodata *data = repo_add_repodata(slim, 0);
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int r = 0;

	/* the headers of what is installed are in here one by one */
	repo_internalize(pool->installed);
	for (size_t i = 0; i < n; i++)
		copy_package(pool->pool, data, slim, ids[i], form, i);
	repo_internalize(slim);
	if (!f || repo_write(slim, f))
		r = errno ? -errno : -EIO;
	if (f && fclose(f) && !r)
		r = -ENOMEM;
	repo_free(slim, 1);
	if (r < 0)
		return r;
	*ret_text = MF_STEAL(text);
	*ret_len = len;
	return 0;
}

int mf_pool_write(struct mf_pool *pool, const int *ids, size_t n, int fd)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r = write_list(pool, ids, n, &(struct form){ 0 }, &text, &len);

	return r < 0 ? r : mf_solv_write_sealed(fd, text, len);
}

static int write_plan(struct mf_pool *pool, const int *ids, size_t n, bool installed, int fd)
{
	_cleanup_(mf_bundles_cleanup) struct mf_bundles *bundles = NULL;
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r = mf_bundles_new(pool, ids, n, installed, &bundles);

	if (!r)
		r = write_list(pool, ids, n, &(struct form){ bundles, installed }, &text, &len);
	return r < 0 ? r : mf_bundles_write(bundles, text, len, fd);
}

int mf_pool_write_plan(struct mf_pool *pool, const int *ids, size_t n, int fd)
{
	return write_plan(pool, ids, n, false, fd);
}

int mf_pool_write_installed_plan(struct mf_pool *pool, const int *ids, size_t n, int fd)
{
	return write_plan(pool, ids, n, true, fd);
}

/* ---- what is only suggested ---- */

void mf_pool_promote_suggests(struct mf_pool *mp)
{
	Pool *pool = mp->pool;
	Queue q;

	queue_init(&q);
	for (Id id = 2; id < pool->nsolvables; id++) {
		Solvable *s = pool_id2solvable(pool, id);

		if (!s->repo || s->repo == mp->installed)
			continue;
		queue_empty(&q);
		mf_solv_deps(pool, id, MF_SUGGESTS, &q);
		for (int i = 0; i < q.count; i++)
			s->recommends = repo_addid_dep(s->repo, s->recommends, q.elements[i], 0);
	}
	queue_free(&q);
}

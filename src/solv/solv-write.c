/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of libsolv: packages written as a cache file, whole or for planning.
 *
 * Three quarters of what drivers need are exports of the kernel they were built with, and a lookup
 * spends most of its time reading those. So there is a second form for planning, in which all
 * needs that the kernel's own image meets, name and CRC, are one word, made of the image's digest.
 * Whether the kernel that is here has every one of these exports is settled once, when a pool is
 * filled; where it has not, the word means nothing, and the whole form must be read, which can say
 * what is missing.
 *
 * A file ends in a mark of its own: libsolv says nothing of an end that is missing.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "solv-parts.h"
#include "solv-private.h"

/* What a kernel's image exports, and the one word that stands for all of it. */
struct bundle {
	Map exports; /* ids of dependencies; size 0: there is no image */
	Id word;
};

static bool is_bundled(const struct bundle *bundle, Id dep)
{
	return ISRELDEP(dep) && (int)GETRELID(dep) < bundle->exports.size << 3 &&
	       MAPTST(&bundle->exports, GETRELID(dep));
}

/* Needs that the image meets become one. */
static void bundle_needs(const struct bundle *bundle, Queue *q)
{
	int kept = 0;

	for (int i = 0; i < q->count; i++)
		if (!is_bundled(bundle, q->elements[i]))
			q->elements[kept++] = q->elements[i];
	if (kept == q->count)
		return;
	queue_truncate(q, kept);
	queue_push(q, bundle->word);
}

static void find_exports(Pool *pool, Id image, struct bundle *bundle)
{
	const unsigned char *sum;
	char word[80];
	Id type = 0;
	Queue q;

	sum = solvable_lookup_bin_checksum(pool_id2solvable(pool, image), SOLVABLE_CHECKSUM, &type);
	if (!sum || type != REPOKEY_TYPE_SHA256)
		return;
	snprintf(word, sizeof(word), BUNDLE "%02x%02x%02x%02x%02x%02x%02x%02x)", sum[0], sum[1],
		 sum[2], sum[3], sum[4], sum[5], sum[6], sum[7]);
	bundle->word = pool_str2id(pool, word, 1);
	map_grow(&bundle->exports, pool->nrels);
	queue_init(&q);
	solvable_lookup_deparray(pool_id2solvable(pool, image), SOLVABLE_PROVIDES, &q, 0);
	for (int i = 0; i < q.count; i++)
		if (ISRELDEP(q.elements[i]) &&
		    mf_starts_with(pool_id2str(pool, q.elements[i]), "ksym("))
			MAPSET(&bundle->exports, GETRELID(q.elements[i]));
	queue_free(&q);
}

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

static void copy_deps(Solvable *from, Solvable *to, Id key, const struct bundle *bundle)
{
	Queue q;

	queue_init(&q);
	/* 0: what stands on both sides of libsolv's prerequisite marker */
	solvable_lookup_deparray(from, key, &q, 0);
	if (key == SOLVABLE_RECOMMENDS)
		keep_drivers(from->repo->pool, &q);
	if (key == SOLVABLE_REQUIRES && bundle->word)
		bundle_needs(bundle, &q);
	if (q.count)
		solvable_set_deparray(to, key, &q, 0);
	queue_free(&q);
}

/* For people. */
static void copy_texts(Repodata *data, Solvable *from, Id id)
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

static void copy_package(Pool *pool, Repodata *data, Repo *slim, Id from_id,
			 const struct bundle *bundle)
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
	for (size_t i = 0; i < sizeof(arrays) / sizeof(*arrays); i++)
		copy_deps(from, to, arrays[i], bundle);
	copy_suggests(pool, data, from_id, id);
	text = solvable_lookup_location(from, &medianr);
	if (text)
		repodata_set_location(data, id, 0, NULL, text);
	sum = solvable_lookup_bin_checksum(from, SOLVABLE_CHECKSUM, &type);
	if (sum)
		repodata_set_bin_checksum(data, id, SOLVABLE_CHECKSUM, type, sum);
	/* a plan needs no texts */
	if (!bundle->word)
		copy_texts(data, from, id);
	repodata_set_num(data, id, SOLVABLE_DOWNLOADSIZE,
			 solvable_lookup_num(from, SOLVABLE_DOWNLOADSIZE, 0));
	repodata_set_num(data, id, SOLVABLE_INSTALLSIZE,
			 solvable_lookup_num(from, SOLVABLE_INSTALLSIZE, 0));
}

int mf_solv_write_sealed(int fd, const char *text, size_t len)
{
	struct mf_solv_end end;
	int r = lseek(fd, 0, SEEK_SET) < 0 ? -errno : mf_file_write(fd, text, len);

	mf_solv_end_of(text, len, &end);
	return r < 0 ? r : mf_file_write(fd, &end, sizeof(end));
}

int mf_pool_write_plan(struct mf_pool *pool, const int *ids, size_t n, int image, int fd)
{
	Repo *slim = repo_create(pool->pool, "slim");
	Repodata *data = repo_add_repodata(slim, 0);
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	struct bundle bundle = { 0 };
	int r = 0;

	/* the headers of what is installed are in here one by one */
	repo_internalize(pool->installed);
	map_init(&bundle.exports, 0);
	if (image)
		find_exports(pool->pool, image, &bundle);
	for (size_t i = 0; i < n; i++) {
		Solvable *last;

		copy_package(pool->pool, data, slim, ids[i], &bundle);
		last = pool_id2solvable(pool->pool, slim->end - 1);
		if (bundle.word && ids[i] == image)
			last->provides = repo_addid(slim, last->provides, bundle.word);
	}
	repo_internalize(slim);
	if (!f || repo_write(slim, f))
		r = errno ? -errno : -EIO;
	if (f && fclose(f) && !r)
		r = -ENOMEM;
	if (!r)
		r = mf_solv_write_sealed(fd, text, len);
	map_free(&bundle.exports);
	repo_free(slim, 1);
	return r;
}

int mf_pool_write(struct mf_pool *pool, const int *ids, size_t n, int fd)
{
	return mf_pool_write_plan(pool, ids, n, 0, fd);
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

/* ---- what the word means here ---- */

/* The word among an image's provides; 0: none. */
Id mf_solv_word_of(Pool *pool, const Solvable *s)
{
	const Id *p = s->provides ? s->repo->idarraydata + s->provides : NULL;

	if (!strstr(pool_id2str(pool, s->name), "-image-"))
		return 0;
	for (; p && *p; p++)
		if (!ISRELDEP(*p) && mf_starts_with(pool_id2str(pool, *p), BUNDLE))
			return *p;
	return 0;
}

/* Is every export of the image here, with its CRC? */
static bool are_here(Pool *pool, const Solvable *image, const Map *here)
{
	for (const Id *p = image->repo->idarraydata + image->provides; *p; p++)
		if (ISRELDEP(*p) && !MAPTST(here, GETRELID(*p)) &&
		    mf_starts_with(pool_id2str(pool, *p), "ksym("))
			return false;
	return true;
}

bool mf_pool_settle(struct mf_pool *mp)
{
	Pool *pool = mp->pool;
	bool settled = true;
	Map here;
	Solvable *s;
	Id id, word;

	map_init(&here, pool->nrels);
	FOR_REPO_SOLVABLES(mp->installed, id, s)
	for (const Id *p = s->provides ? s->repo->idarraydata + s->provides : NULL; p && *p; p++)
		if (ISRELDEP(*p))
			MAPSET(&here, GETRELID(*p));
	for (id = 2; settled && id < pool->nsolvables; id++) {
		s = pool_id2solvable(pool, id);
		if (!s->repo || s->repo == mp->installed || !(word = mf_solv_word_of(pool, s)))
			continue;
		settled = mp->system && (mf_solv_is_part(mp, id) ? mf_parts_are_here(mp, &here)
								 : are_here(pool, s, &here));
		if (settled) {
			s = pool_id2solvable(pool, mp->system);
			s->provides = repo_addid(s->repo, s->provides, word);
		}
	}
	map_free(&here);
	return settled;
}

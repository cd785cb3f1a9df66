/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of librpm: reads the installed packages, all of them, by name, or those that the caller
 * does not know yet.
 *
 * A header has kilobytes, and to read those of a few thousand packages takes half a second. An index
 * of the database has the digest of each header, which is another one as soon as anything in the
 * package is another. So what the caller has seen before is recognized without being read. The index
 * of names says which packages there are; one without a digest is always read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/rpm.h"
#include "rpm-private.h"

static int visit_all(rpmts ts, const char *name, mf_rpm_visit *visit, void *arg)
{
	rpmdbMatchIterator it =
		rpmtsInitIterator(ts, name ? RPMDBI_LABEL : RPMDBI_PACKAGES, name, 0);
	Header h;
	int r = 0;

	while (!r && (h = rpmdbNextIterator(it)))
		r = visit(arg, h);
	rpmdbFreeIterator(it);
	return r;
}

/* 1: there is no database. The caller ends what was begun. */
static int begin_reading(struct mf_context *ctx, char *message, size_t size, rpmts *ret_ts)
{
	bool there;
	_cleanup_free_ char *directory = mf_rpmdb_directory(ctx, false, &there);
	rpmts ts;
	int r;

	if (!there)
		return 1;
	snprintf(message, size, "the database cannot be read");
	ts = mf_rpm_begin(ctx, message);
	r = mf_rpm_open_database(ctx, ts, O_RDONLY, message);
	if (r < 0)
		mf_rpm_end(ts);
	else
		*ret_ts = ts;
	return r;
}

int mf_rpm_each_installed(struct mf_context *ctx, const struct mf_strings *names,
			  mf_rpm_visit *visit, void *arg)
{
	char message[256];
	rpmts ts = NULL;
	int r = begin_reading(ctx, message, sizeof(message), &ts);

	if (r)
		return r < 0 ? r : 0;
	for (size_t i = 0; !r && i < (names ? names->n : 1); i++)
		r = visit_all(ts, names ? names->v[i] : NULL, visit, arg);
	mf_rpm_end(ts);
	return r;
}

/* ---- what is not known ---- */

struct entry {
	unsigned int number; /* librpm's, from 1 on */
	bool known;
};

struct entries {
	struct entry *v;
	size_t n, room;
};

static int by_number(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

/* All packages, in the order in which they were installed. */
static int list_entries(rpmdb db, struct entries *all)
{
	rpmdbIndexIterator it = rpmdbIndexIteratorInit(db, RPMDBI_NAME);
	const void *name;
	size_t len;
	int r = 0;

	while (!r && it && !rpmdbIndexIteratorNext(it, &name, &len)) {
		unsigned int n = rpmdbIndexIteratorNumPkgs(it);

		r = mf_array_reserve(&all->v, &all->room, all->n + n, sizeof(*all->v));
		for (unsigned int i = 0; !r && i < n; i++)
			all->v[all->n++] = (struct entry){ rpmdbIndexIteratorPkgOffset(it, i) };
	}
	rpmdbIndexIteratorFree(it);
	if (all->n)
		qsort(all->v, all->n, sizeof(*all->v), by_number);
	return r;
}

static void mark_known(rpmdb db, const struct entries *all, mf_rpm_known *known, void *arg)
{
	rpmdbIndexIterator it = rpmdbIndexIteratorInit(db, RPMDBI_SHA1HEADER);
	const void *key;
	size_t len;

	while (it && all->n && !rpmdbIndexIteratorNext(it, &key, &len)) {
		char digest[41];

		/* it has no zero at its end */
		if (len != sizeof(digest) - 1)
			continue;
		snprintf(digest, sizeof(digest), "%.*s", (int)len, (const char *)key);
		for (unsigned int i = 0; i < rpmdbIndexIteratorNumPkgs(it); i++) {
			const struct entry wanted = { rpmdbIndexIteratorPkgOffset(it, i) };
			struct entry *entry =
				bsearch(&wanted, all->v, all->n, sizeof(*all->v), by_number);

			if (entry)
				entry->known = known(arg, digest);
		}
	}
	rpmdbIndexIteratorFree(it);
}

static int visit_entry(rpmts ts, unsigned int number, mf_rpm_visit_unknown *visit, void *arg)
{
	rpmdbMatchIterator it = rpmtsInitIterator(ts, RPMDBI_PACKAGES, &number, sizeof(number));
	Header h = rpmdbNextIterator(it);
	int r = h ? visit(arg, h, headerGetString(h, RPMTAG_SHA1HEADER)) : 0;

	rpmdbFreeIterator(it);
	return r;
}

int mf_rpm_each_unknown(struct mf_context *ctx, mf_rpm_known *known, mf_rpm_visit_unknown *visit,
			void *arg)
{
	struct entries all = { 0 };
	char message[256];
	rpmts ts = NULL;
	int r = begin_reading(ctx, message, sizeof(message), &ts);

	if (r)
		return r < 0 ? r : 0;
	r = list_entries(rpmtsGetRdb(ts), &all);
	if (!r)
		mark_known(rpmtsGetRdb(ts), &all, known, arg);
	for (size_t i = 0; !r && i < all.n; i++)
		if (!all.v[i].known)
			r = visit_entry(ts, all.v[i].number, visit, arg);
	free(all.v);
	mf_rpm_end(ts);
	return r;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Answers what an update of a package repairs, from the list that advisories.c wrote.
 *
 * The list was made of verified metadata, but the disk may have damaged it since: it is used only if
 * its hash is right, and a line that does not have its six words makes it a damaged one. An answer from
 * half of a list would hide a security update.
 */
#include "modfetch/advisory.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cache.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/solv.h"
#include "modfetch/strings.h"
#include "modfetch/table.h"

#define LIST_MAX ((size_t)1 << 30)

struct mf_advisories {
	char *text;	       /* the strings of all entries */
	struct mf_advisory *v; /* sorted by name and architecture */
	size_t n;
	struct mf_pool *pool; /* compares versions */
};

void mf_advisories_free(struct mf_advisories *advisories)
{
	if (!advisories)
		return;
	mf_pool_free(advisories->pool);
	free(advisories->v);
	free(advisories->text);
	free(advisories);
}

static void advisories_cleanup(struct mf_advisories **advisories)
{
	mf_advisories_free(*advisories);
}

/* ---- reading ---- */

/* Is the text whole? Cuts the last line off. */
static bool advisory_check_end(char *text, size_t len)
{
	char end[sizeof(MF_CACHE_ADVISORIES_END) + 17];
	size_t n = (size_t)snprintf(end, sizeof(end), MF_CACHE_ADVISORIES_END "%016x\n", 0U);

	if (len < n || strlen(text) != len || !mf_starts_with(text, MF_CACHE_ADVISORIES_HEAD))
		return false;
	snprintf(end, sizeof(end), MF_CACHE_ADVISORIES_END "%016" PRIx64 "\n",
		 mf_hash(text, len - n));
	if (strcmp(text + len - n, end) != 0)
		return false;
	text[len - n] = '\0';
	return true;
}

/* 0 or -EBADMSG. */
static int advisory_parse_line(char *line, struct mf_advisory *ret)
{
	const char **const fields[] = { &ret->name, &ret->arch,	    &ret->evr,
					&ret->type, &ret->severity, &ret->id };
	char *save = NULL, *word = strtok_r(line, " ", &save);

	for (size_t i = 0; i < MF_ARRAY_SIZE(fields); i++) {
		if (!word)
			return -EBADMSG;
		*fields[i] = word;
		word = strtok_r(NULL, " ", &save);
	}
	return word ? -EBADMSG : 0;
}

static int advisory_parse(struct mf_advisories *a)
{
	char *save = NULL, *line = a->text + strlen(MF_CACHE_ADVISORIES_HEAD);
	size_t lines = 0;
	int r = 0;

	for (const char *p = line; (p = strchr(p, '\n')); p++)
		lines++;
	a->v = calloc(lines + 1, sizeof(*a->v));
	if (!a->v)
		return -ENOMEM;
	for (line = strtok_r(line, "\n", &save); !r && line; line = strtok_r(NULL, "\n", &save))
		r = advisory_parse_line(line, &a->v[a->n++]);
	return r;
}

static int advisory_read(const struct mf_context *ctx, const char *repo_id, struct mf_advisories *a)
{
	_cleanup_close_ int dirfd = mf_cache_open(ctx, repo_id, NULL);
	size_t len = 0;
	int r = dirfd < 0 ? dirfd
			  : mf_file_read_at(dirfd, MF_CACHE_ADVISORIES, LIST_MAX, &a->text, &len);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return advisory_check_end(a->text, len) ? advisory_parse(a) : -EBADMSG;
}

int mf_advisories_read(struct mf_context *ctx, const char *repo_id,
		       struct mf_advisories **ret_advisories)
{
	_cleanup_(advisories_cleanup) struct mf_advisories *a = calloc(1, sizeof(*a));
	int r = a ? mf_pool_new(NULL, &a->pool) : -ENOMEM;

	if (!r)
		r = advisory_read(ctx, repo_id, a);
	if (r == -EBADMSG || r == -EFBIG)
		return mf_fail(ctx, MF_STAGE_REFRESH, -MFE_BAD_INDEX, repo_id,
			       "its list of advisories is damaged; run: modfetch refresh --force");
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_REFRESH, r, repo_id, NULL);
	*ret_advisories = MF_STEAL(a);
	return 0;
}

static int advisory_by_id(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

size_t mf_advisories_count(const struct mf_advisories *advisories)
{
	_cleanup_free_ const char **ids = calloc(advisories->n + 1, sizeof(*ids));
	size_t n = 0;

	for (size_t i = 0; ids && i < advisories->n; i++)
		ids[i] = advisories->v[i].id;
	if (ids)
		qsort(ids, advisories->n, sizeof(*ids), advisory_by_id);
	for (size_t i = 0; ids && i < advisories->n; i++)
		n += !i || strcmp(ids[i], ids[i - 1]) != 0;
	return n;
}

/* ---- asking ---- */

bool mf_advisory_is_security(const struct mf_advisory *advisory)
{
	return !strcmp(advisory->type, "security");
}

/* The place of WORD in a list that begins with the most severe; the list's length: it is not there. */
static size_t advisory_rank(const char *const *words, size_t n, const char *word)
{
	size_t i = 0;

	while (i < n && strcmp(words[i], word) != 0)
		i++;
	return i;
}

/* Above 0: A is more severe than B, or as severe and newer. */
static int advisory_compare(const struct mf_advisories *advisories, const struct mf_advisory *a,
			    const struct mf_advisory *b)
{
	/* "recommended" is SUSE's word for a bugfix */
	static const char *const types[] = { "security", "bugfix", "recommended" };
	static const char *const severities[] = { "critical", "important", "moderate", "low" };
	size_t x = advisory_rank(types, MF_ARRAY_SIZE(types), a->type);
	size_t y = advisory_rank(types, MF_ARRAY_SIZE(types), b->type);

	if (x == y) {
		x = advisory_rank(severities, MF_ARRAY_SIZE(severities), a->severity);
		y = advisory_rank(severities, MF_ARRAY_SIZE(severities), b->severity);
	}
	return x == y ? mf_pool_compare_evr(advisories->pool, a->evr, b->evr) : x < y ? 1 : -1;
}

static int advisory_compare_package(const struct mf_advisory *a, const char *name, const char *arch)
{
	int r = strcmp(a->name, name);

	return r ? r : strcmp(a->arch, arch);
}

/* The first one of a package, or the place where it would be. */
static size_t advisory_first(const struct mf_advisories *advisories, const char *name,
			     const char *arch)
{
	size_t low = 0, high = advisories->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (advisory_compare_package(&advisories->v[middle], name, arch) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct mf_advisory *mf_advisories_find(const struct mf_advisories *advisories,
					     const char *name, const char *arch,
					     const char *from_evr, const char *to_evr)
{
	const struct mf_advisory *best = NULL;

	for (size_t i = advisory_first(advisories, name, arch);
	     i < advisories->n && !advisory_compare_package(&advisories->v[i], name, arch); i++) {
		const struct mf_advisory *a = &advisories->v[i];

		if ((!from_evr || mf_pool_compare_evr(advisories->pool, a->evr, from_evr) > 0) &&
		    mf_pool_compare_evr(advisories->pool, a->evr, to_evr) <= 0 &&
		    (!best || advisory_compare(advisories, a, best) > 0))
			best = a;
	}
	return best;
}

/* ---- checking ---- */

static int advisory_on_package(void *arg, const struct mf_updateinfo *entry)
{
	size_t *n = arg;

	(void)entry;
	++*n;
	return 0;
}

int mf_advisories_check(int fd, size_t *ret_packages)
{
	size_t n = 0;
	int r = mf_updateinfo_parse(fd, advisory_on_package, &n);

	if (r < 0)
		return r == -EBADMSG ? -MFE_BAD_METADATA : r;
	*ret_packages = n;
	return 0;
}

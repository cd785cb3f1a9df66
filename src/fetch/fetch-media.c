/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Repositories on media: base URLs with hd:, cd:, dvd: and iso:.
 *
 * The medium is mounted for this process alone (src/mount/mount.c), and stays mounted until the process
 * ends; its repository is then read as one with a file: URL. A medium that is not there is a mirror that
 * cannot be reached: the next mirror is tried.
 */
#include <errno.h>
#include <stdlib.h>
#include "modfetch/cleanup.h"
#include "modfetch/mount.h"
#include "fetch-private.h"

static bool any_is_medium(const struct mf_fetch_request *requests, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < requests[i].mirrors->n; j++)
			if (mf_media_url_is(requests[i].mirrors->v[j]))
				return true;
	return false;
}

/* Adds MIRROR to URLS, as a file: URL if it is on a medium. 0 or recorded. */
static int add_mirror(struct mf_context *ctx, const char *mirror, struct mf_strings *urls)
{
	_cleanup_free_ char *path = NULL, *url = NULL;
	int r = 0;

	if (mf_media_url_is(mirror))
		r = mf_mount_url(ctx, mirror, &path);
	if (r < 0)
		return r;
	url = path ? mf_file_url(path) : NULL;
	if ((path && !url) || mf_strings_add(urls, url ? url : mirror) < 0)
		return mf_fail(ctx, MF_STAGE_FETCH, -ENOMEM, mirror, NULL);
	return 0;
}

/* The mirrors of a request of which each one can be asked. 0 or recorded. */
static int find_mirrors(struct mf_context *ctx, const struct mf_strings *mirrors,
			struct mf_strings *ret_urls)
{
	const struct mf_saved_failure before = mf_failure_save(ctx);
	int r = 0;

	for (size_t i = 0; r != -ENOMEM && i < mirrors->n; i++)
		r = add_mirror(ctx, mirrors->v[i], ret_urls);
	if (r == -ENOMEM)
		return r;
	if (ret_urls->n || !mirrors->n) {
		mf_failure_restore(&before);
		return 0;
	}
	ctx->failure.code = -MFE_UNREACHABLE;
	return -MFE_UNREACHABLE;
}

struct lists {
	struct mf_strings *v;
	size_t n;
};

static void lists_done(struct lists *lists)
{
	for (size_t i = 0; lists->v && i < lists->n; i++)
		mf_strings_done(&lists->v[i]);
	free(lists->v);
}

int mf_fetch(struct mf_context *ctx, const struct mf_fetch_request *requests, size_t n,
	     struct mf_fetched *ret_fetched)
{
	_cleanup_(lists_done) struct lists lists = { .n = n };
	_cleanup_free_ struct mf_fetch_request *copies = NULL;
	int r = 0;

	if (!any_is_medium(requests, n))
		return fetch_from_urls(ctx, requests, n, ret_fetched);
	lists.v = calloc(n + 1, sizeof(*lists.v));
	copies = calloc(n + 1, sizeof(*copies));
	if (!lists.v || !copies)
		return mf_fail(ctx, MF_STAGE_FETCH, -ENOMEM, "downloads", NULL);
	for (size_t i = 0; !r && i < n; i++) {
		copies[i] = requests[i];
		copies[i].mirrors = &lists.v[i];
		r = find_mirrors(ctx, requests[i].mirrors, &lists.v[i]);
		if (r < 0)
			ret_fetched[i].code = r;
	}
	return r < 0 ? r : fetch_from_urls(ctx, copies, n, ret_fetched);
}

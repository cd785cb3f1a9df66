/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The data files that a repository's repomd.xml names: primary.xml and its like.
 *
 * Each is fetched with the size and the digest that the signed repomd.xml says, and verified. If the
 * context has a keeper, it gets every file of the refresh in the form in which it was published, and a
 * copy that it has from before saves the download: the digest decides, so that copy needs no trust.
 */
#include "refresh-file.h"
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"
#include "modfetch/verify.h"

int mf_refresh_keep(struct mf_context *ctx, const struct mf_repo *repo, const char *path, int fd)
{
	struct mf_keeper *keeper = ctx->keeper;

	return keeper && fd >= 0 ? keeper->keep(keeper, ctx, repo->id, path, fd) : 0;
}

/* The directory of the keeper, and after it the mirrors of the repository. 0 or -ENOMEM. */
static int collect_places(struct mf_context *ctx, const struct mf_repo *repo,
			  struct mf_strings *ret_urls)
{
	const char *have = ctx->keeper ? ctx->keeper->have(ctx->keeper, repo->id) : NULL;
	int r = have ? mf_strings_add(ret_urls, have) : 0;

	for (size_t i = 0; !r && i < repo->baseurls.n; i++)
		r = mf_strings_add(ret_urls, repo->baseurls.v[i]);
	return r;
}

int mf_refresh_file(struct mf_context *ctx, const struct mf_repo *repo,
		    const struct mf_repomd_file *file, struct mf_fetched *ret_fetched)
{
	_cleanup_(mf_strings_done) struct mf_strings urls = { 0 };
	const struct mf_fetch_request request = {
		.mirrors = &urls,
		.path = file->location,
		.label = repo->id,
		.access = &repo->access,
		.size = file->size,
		.sha256 = file->sha256,
		.max_size = ctx->settings.max_metadata,
	};
	int r = collect_places(ctx, repo, &urls);

	if (r < 0)
		return mf_fail(ctx, MF_STAGE_REFRESH, r, repo->id, NULL);
	r = mf_fetch(ctx, &request, 1, ret_fetched);
	if (!r)
		r = mf_verify_bytes(ctx, file->location, ret_fetched->fd, file->size, file->sha256);
	return r < 0 ? r : mf_refresh_keep(ctx, repo, file->location, ret_fetched->fd);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Metadata on the same road as packages: fetch → verify → publish.
 *
 * repomd.xml and its signature are fetched as a pair and not parsed before the signature holds;
 * primary.xml is not inflated before its digest is the signed one, and then only up to a limit. The
 * cache is built aside and published by one rename, so a failure leaves the old one in use.
 */
#include "modfetch/refresh.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cache.h"
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/fetch.h"
#include "modfetch/file.h"
#include "modfetch/inflate.h"
#include "modfetch/mirrors.h"
#include "modfetch/solv.h"
#include "modfetch/verify.h"

#define REPOMD_MAX     (1U << 20)
#define SIGNATURE_MAX  (64U << 10)
#define MIRRORLIST_MAX (64U << 10)

enum { REPOMD, P7S, ASC, N_FILES };

static int fetch_pair(struct mf_context *ctx, const struct mf_repo *repo,
		      struct mf_fetched fetched[N_FILES])
{
	const struct mf_fetch_request requests[N_FILES] = {
		[REPOMD] = {.mirrors = &repo->baseurls,
			    .path = "repodata/repomd.xml",
			    .label = repo->id,
			    .max_size = REPOMD_MAX},
		[P7S] = {.mirrors = &repo->baseurls,
			 .path = "repodata/repomd.xml.p7s",
			 .label = repo->id,
			 .max_size = SIGNATURE_MAX,
			 .optional = true},
		[ASC] = {.mirrors = &repo->baseurls,
			 .path = "repodata/repomd.xml.asc",
			 .label = repo->id,
			 .max_size = SIGNATURE_MAX,
			 .optional = true},
	};
	bool unsigned_repo = repo->trust == MF_TRUST_NONE;

	return mf_fetch(ctx, requests, unsigned_repo ? 1 : N_FILES, NULL, NULL, fetched);
}

/* primary.xml as it was signed for, inflated into a memory file. A descriptor or a recorded error.
 */
static int fetch_primary(struct mf_context *ctx, const struct mf_repo *repo,
			 const struct mf_repomd *repomd)
{
	_cleanup_(mf_fetched_done) struct mf_fetched fetched = {.fd = -1};
	const struct mf_fetch_request request = {
		.mirrors = &repo->baseurls,
		.path = repomd->primary,
		.label = repo->id,
		.size = repomd->size,
		.sha256 = repomd->sha256,
		.max_size = ctx->settings.max_metadata,
	};
	int r = mf_fetch(ctx, &request, 1, NULL, NULL, &fetched);

	if (!r)
		r = mf_verify_bytes(ctx, repomd->primary, fetched.fd, repomd->size, repomd->sha256);
	if (r < 0)
		return r;
	r = mf_inflate_fd(fetched.fd, ctx->settings.max_metadata);
	if (r == -EFBIG)
		return mf_fail(ctx, "refresh", -MFE_TOO_LARGE, repomd->primary,
			       "inflated it exceeds %llu bytes",
			       (unsigned long long)ctx->settings.max_metadata);
	return r < 0 ? mf_fail(ctx, "refresh", -MFE_BAD_METADATA, repomd->primary,
			       "it cannot be inflated")
		     : r;
}

static bool is_current(const struct mf_context *ctx, const char *id,
		       const uint8_t digest[MF_SHA256_LEN])
{
	uint8_t have[MF_SHA256_LEN];
	_cleanup_close_ int fd = mf_cache_open(ctx, id, have);

	return fd >= 0 && !memcmp(have, digest, sizeof(have));
}

static int build(struct mf_context *ctx, const struct mf_repo *repo, int repomd_fd,
		 const uint8_t digest[MF_SHA256_LEN], size_t *ret_packages)
{
	_cleanup_(mf_repomd_done) struct mf_repomd repomd = {0};
	_cleanup_close_ int primary = -1;
	struct mf_cache_source source = {.repomd = repomd_fd};
	int r = mf_repomd_parse(repomd_fd, &repomd);

	if (r < 0)
		return mf_fail(ctx, "refresh", r == -EBADMSG ? -MFE_BAD_METADATA : r, repo->id,
			       "repomd.xml names no primary with a SHA-256");
	primary = fetch_primary(ctx, repo, &repomd);
	if (primary < 0)
		return primary;
	source.primary = primary;
	memcpy(source.digest, digest, sizeof(source.digest));
	return mf_cache_build(ctx, repo->id, &source, ret_packages);
}

/* The repository's base URLs, and behind them those of its mirrorlist as it is now. */
static int gather_mirrors(struct mf_context *ctx, const struct mf_repo *repo,
			  struct mf_strings *ret_urls)
{
	_cleanup_(mf_fetched_done) struct mf_fetched fetched = {.fd = -1};
	_cleanup_(mf_strings_done) struct mf_strings folder = {0};
	_cleanup_free_ char *text = NULL;
	const char *slash = repo->mirrorlist ? strrchr(repo->mirrorlist, '/') : NULL;
	size_t len;
	int r = 0;

	for (size_t i = 0; !r && i < repo->baseurls.n; i++)
		r = mf_strings_add(ret_urls, repo->baseurls.v[i]);
	if (!slash || r < 0)
		return r;
	r = mf_strings_addn(&folder, repo->mirrorlist, (size_t)(slash - repo->mirrorlist));
	if (!r) {
		const struct mf_fetch_request request = {.mirrors = &folder,
							 .path = slash + 1,
							 .label = repo->id,
							 .max_size = MIRRORLIST_MAX};

		r = mf_fetch(ctx, &request, 1, NULL, NULL, &fetched);
	}
	if (!r)
		r = mf_file_read(fetched.fd, MIRRORLIST_MAX, &text, &len);
	if (!r)
		r = mf_mirrors_keep(ctx, repo->id, text, len);
	/* with mirrors known from before, a list that cannot be had is no reason to give up */
	if (r < 0 && ret_urls->n) {
		mf_log(ctx, MF_LOG_WARNING, "refresh: %s: the mirrorlist cannot be had", repo->id);
		return 0;
	}
	return r < 0 ? r : mf_mirrors_parse(text, ret_urls);
}

static int refresh(struct mf_context *ctx, const struct mf_repo *repo, bool force,
		   struct mf_refresh_result *result)
{
	struct mf_fetched fetched[N_FILES] = {{.fd = -1}, {.fd = -1}, {.fd = -1}};
	uint8_t digest[MF_SHA256_LEN];
	int r = fetch_pair(ctx, repo, fetched);

	if (!r) {
		const struct mf_trust_evidence evidence = {fetched[REPOMD].fd, fetched[P7S].fd,
							   fetched[ASC].fd};

		r = mf_trust_repomd(ctx, repo, &evidence, &result->trust);
	}
	if (!r && mf_sha256_fd(fetched[REPOMD].fd, digest) < 0)
		r = mf_fail(ctx, "refresh", -EIO, repo->id, NULL);
	if (!r && !force && is_current(ctx, repo->id, digest))
		r = 1;
	if (!r)
		r = build(ctx, repo, fetched[REPOMD].fd, digest, &result->packages);
	for (size_t i = 0; i < N_FILES; i++)
		mf_fetched_done(&fetched[i]);
	return r;
}

int mf_refresh(struct mf_context *ctx, const struct mf_repo *repo, bool force,
	       struct mf_refresh_result *ret_result)
{
	_cleanup_(mf_strings_done) struct mf_strings urls = {0};
	struct mf_refresh_result result = {0};
	struct mf_repo with_mirrors = *repo;
	int r = gather_mirrors(ctx, repo, &urls);

	if (r < 0)
		return ctx->failure.code ? r : mf_fail(ctx, "refresh", r, repo->id, NULL);
	with_mirrors.baseurls = urls;
	r = refresh(ctx, &with_mirrors, force, &result);
	if (r >= 0)
		*ret_result = result;
	return r;
}

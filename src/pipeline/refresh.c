/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pipeline for metadata: fetch → verify → publish.
 *
 * repomd.xml and its signature are fetched as a pair from one mirror, and not parsed before the
 * signature is verified. If the two do not match, the mirror may have been updated in between: the
 * pair is fetched once more, then the next mirror is tried. The next mirror is also tried if one
 * has older metadata than was accepted before. primary.xml is inflated only after its digest is
 * verified, and only up to a limit. The cache is built in another directory and published by one
 * rename, so after a failure the old one stays in use.
 *
 * updateinfo.xml, if repomd.xml names one, takes the same steps, and so does filelists.xml where the
 * cache needs it (src/repo/driver-files.c). A mirror that does not have it as
 * it was signed fails, so that it cannot hide security updates. If the signer's own file is of no
 * use, the repository is used without it, with a warning.
 *
 * If a mirror reports by its etag that repomd.xml is the one in use, that costs one response
 * without a body. A mirror could report that forever, so the age of the metadata is checked all the
 * same, with the mirror's current signature, which may be newer for the same bytes.
 */
#include "modfetch/refresh.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cache.h"
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/fetch.h"
#include "modfetch/file.h"
#include "modfetch/inflate.h"
#include "modfetch/metalink.h"
#include "modfetch/repo.h"
#include "modfetch/solv.h"
#include "modfetch/strings.h"
#include "modfetch/verify.h"
#include "refresh-file.h"

#define REPOMD_PATH    "repodata/repomd.xml"
#define REPOMD_MAX     (1U << 20)
#define SIGNATURE_MAX  (64U << 10)
#define MIRRORLIST_MAX (1U << 20) /* as a metalink; of the mirrors few are used */

#define PAIR_SECONDS 30 /* for both files: limits the time lost on a bad mirror */

enum { REPOMD, SIGNATURE, N_FILES };

static void fetched_done(struct mf_fetched (*fetched)[N_FILES])
{
	for (size_t i = 0; i < N_FILES; i++)
		mf_fetched_done(&(*fetched)[i]);
}

/* Fetches one mirror's repomd.xml and its signature, in the format that our keys can verify. */
static int fetch_pair(struct mf_context *ctx, const struct mf_repo *repo,
		      const struct mf_strings *mirror, int format, const char *etag,
		      struct mf_fetched ret_fetched[N_FILES])
{
	struct mf_fetch_request requests[N_FILES] = {
		[REPOMD] = { .mirrors = mirror,
			     .path = REPOMD_PATH,
			     .label = repo->id,
			     .access = &repo->access,
			     .max_size = REPOMD_MAX,
			     .timeout = PAIR_SECONDS,
			     .etag = etag },
	};

	if (format == MF_SIGNATURE_NONE)
		return mf_fetch(ctx, requests, 1, ret_fetched);
	requests[SIGNATURE] = (struct mf_fetch_request){
		.mirrors = mirror,
		.path = mf_signature_path((enum mf_signature)format),
		.label = repo->id,
		.access = &repo->access,
		.max_size = SIGNATURE_MAX,
		.timeout = PAIR_SECONDS,
		.optional = true,
	};
	return mf_fetch(ctx, requests, N_FILES, ret_fetched);
}

static bool is_xml(int fd)
{
	char head[16] = "";

	return pread(fd, head, sizeof(head) - 1, 0) > 0 && mf_looks_like_xml(head);
}

/* Inflates a verified file into a memory file. A descriptor or a recorded error. */
static int inflate_file(struct mf_context *ctx, const struct mf_repomd_file *file, int fd)
{
	int r = mf_inflate_fd(fd, ctx->settings.max_metadata);

	if (r >= 0 && !is_xml(r)) {
		close(r);
		return mf_fail(ctx, MF_STAGE_REFRESH, -MFE_BAD_METADATA, file->location,
			       "it is neither XML nor compressed with gzip, xz or zstd; let the "
			       "repository be published in one of these");
	}

	if (r == -EFBIG)
		return mf_fail(ctx, MF_STAGE_REFRESH, -MFE_TOO_LARGE, file->location,
			       "it has more than %llu bytes when inflated",
			       (unsigned long long)ctx->settings.max_metadata);
	return r < 0 ? mf_fail(ctx, MF_STAGE_REFRESH, -MFE_BAD_METADATA, file->location,
			       "it cannot be inflated")
		     : r;
}

/* A descriptor of the inflated primary.xml, or a recorded error. */
static int fetch_primary(struct mf_context *ctx, const struct mf_repo *repo,
			 const struct mf_repomd_file *file)
{
	_cleanup_(mf_fetched_done) struct mf_fetched fetched = { .fd = -1 };
	int r = mf_refresh_file(ctx, repo, file, &fetched);

	return r < 0 ? r : inflate_file(ctx, file, fetched.fd);
}

static void warn_without(const struct mf_context *ctx, const struct mf_repo *repo, const char *what,
			 const struct mf_repomd_file *file, const char *why)
{
	mf_log(ctx, MF_LOG_WARNING, "refresh: %s: its %s are not used: %s: %s", repo->id, what,
	       file->location, why);
}

/*
 * A file of which a repository may do without, WHAT in messages. RET_FD: a descriptor of it, inflated, or
 * -1: there is none, or none that can be used, which is logged. 0, or a recorded error that another
 * mirror may not have.
 */
static int fetch_optional(struct mf_context *ctx, const struct mf_repo *repo, const char *what,
			  const struct mf_repomd_file *file, int *ret_fd)
{
	_cleanup_(mf_fetched_done) struct mf_fetched fetched = { .fd = -1 };
	int r;

	if (!file->location)
		return 0;
	if (!file->has_sha256 || file->size > ctx->settings.max_metadata) {
		warn_without(ctx, repo, what, file,
			     file->has_sha256 ? "it is larger than max-metadata"
					      : "repomd.xml has no SHA-256 of it");
		return 0;
	}
	r = mf_refresh_file(ctx, repo, file, &fetched);
	if (!r) {
		_cleanup_(mf_failure_restore) const struct mf_saved_failure saved =
			mf_failure_save(ctx);

		*ret_fd = inflate_file(ctx, file, fetched.fd);
		if (*ret_fd < 0)
			warn_without(ctx, repo, what, file, ctx->failure.why);
	}
	return r;
}

static bool refresh_is_current(const struct mf_context *ctx, const char *id,
			       const uint8_t digest[MF_SHA256_LEN])
{
	uint8_t have[MF_SHA256_LEN];
	_cleanup_close_ int fd = mf_cache_open(ctx, id, have);

	return fd >= 0 && !memcmp(have, digest, sizeof(have));
}

/* For a cache that needs the lists of files. */
struct filelists {
	struct mf_context *ctx;
	const struct mf_repo *repo;
	const struct mf_repomd_file *file;
};

static int fetch_filelists(void *arg, int *ret_fd)
{
	const struct filelists *f = arg;

	return fetch_optional(f->ctx, f->repo, "lists of files", f->file, ret_fd);
}

static int refresh_build(struct mf_context *ctx, const struct mf_repo *repo, int repomd_fd,
			 const uint8_t digest[MF_SHA256_LEN], struct mf_cache_content *ret_content)
{
	_cleanup_(mf_repomd_done) struct mf_repomd repomd = { 0 };
	_cleanup_close_ int primary = -1, updateinfo = -1;
	struct filelists filelists = { ctx, repo, &repomd.filelists };
	struct mf_cache_source source = { .repomd = repomd_fd,
					  .fetch_filelists = fetch_filelists,
					  .arg = &filelists };
	int r = mf_repomd_parse(repomd_fd, &repomd);

	if (r < 0)
		return mf_fail(ctx, MF_STAGE_REFRESH, r == -EBADMSG ? -MFE_BAD_METADATA : r,
			       repo->id, "repomd.xml names no primary with a SHA-256");
	primary = fetch_primary(ctx, repo, &repomd.primary);
	if (primary < 0)
		return primary;
	r = fetch_optional(ctx, repo, "advisories", &repomd.updateinfo, &updateinfo);
	if (r < 0)
		return r;
	source.primary = primary;
	source.updateinfo = updateinfo;
	memcpy(source.digest, digest, sizeof(source.digest));
	return mf_cache_build(ctx, repo->id, &source, ret_content);
}

/* Reads a list of mirrors of either form: RET_TEXT has a URL on each line. */
static int read_list(struct mf_context *ctx, const struct mf_repo *repo, int fd, char **ret_text)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = mf_file_read(fd, MIRRORLIST_MAX, &text, &len);

	if (!r && mf_looks_like_xml(text))
		r = mf_metalink_list(text, ret_text);
	else if (!r)
		*ret_text = MF_STEAL(text);
	return r == -EBADMSG ? mf_fail(ctx, MF_STAGE_REFRESH, -MFE_PORTAL, repo->id,
				       "its list of mirrors is XML or HTML, but no metalink")
			     : r;
}

/* Collects the repository's base URLs, and after them those of its current mirrorlist. */
static int collect_mirrors(struct mf_context *ctx, const struct mf_repo *repo,
			   struct mf_strings *ret_urls)
{
	_cleanup_(mf_fetched_done) struct mf_fetched fetched = { .fd = -1 };
	_cleanup_(mf_strings_done) struct mf_strings directory = { 0 };
	_cleanup_free_ char *text = NULL;
	const char *slash = repo->mirrorlist ? strrchr(repo->mirrorlist, '/') : NULL;
	int r = 0;

	for (size_t i = 0; !r && i < repo->baseurls.n; i++)
		r = mf_strings_add(ret_urls, repo->baseurls.v[i]);
	if (!slash || r < 0)
		return r;
	r = mf_strings_addn(&directory, repo->mirrorlist, (size_t)(slash - repo->mirrorlist));
	if (!r) {
		const struct mf_fetch_request request = { .mirrors = &directory,
							  .path = slash + 1,
							  .label = repo->id,
							  .access = &repo->access,
							  .max_size = MIRRORLIST_MAX };

		r = mf_fetch(ctx, &request, 1, &fetched);
	}
	if (!r)
		r = read_list(ctx, repo, fetched.fd, &text);
	if (!r)
		r = mf_mirrors_keep(ctx, repo->id, text);
	/* with mirrors known from before, a missing list is no reason to give up */
	if (r < 0 && ret_urls->n) {
		mf_log(ctx, MF_LOG_WARNING,
		       "refresh: %s: the mirrorlist cannot be fetched, so the known mirrors are "
		       "used",
		       repo->id);
		return 0;
	}
	return r < 0 ? r : mf_mirrors_parse(text, ret_urls);
}

/* The same for every mirror. */
struct refresh_options {
	int format; /* of the signature: enum mf_signature */
	uint8_t keys[MF_SHA256_LEN];
	unsigned int flags; /* of enum mf_refresh_flags */
};

/*
 * The etag for a request to MIRROR, or NULL: the cache in use must come from this mirror, still
 * exist, and have been verified with the current keys.
 */
static const char *known_etag(const struct mf_context *ctx, const struct mf_repo *repo,
			      const struct mf_repo_state *state, const uint8_t keys[MF_SHA256_LEN],
			      const char *mirror)
{
	_cleanup_free_ char *url = mf_secret_hide_copy(mirror);

	return *state->etag && url && !strcmp(state->url, url) &&
			       !memcmp(state->used.keys, keys, sizeof(state->used.keys)) &&
			       refresh_is_current(ctx, repo->id, state->used.digest)
		       ? state->etag
		       : NULL;
}

static int refresh_publish(struct mf_context *ctx, const struct mf_repo *repo, const char *mirror,
			   const struct mf_fetched *repomd, bool force,
			   struct mf_refresh_result *result)
{
	uint8_t digest[MF_SHA256_LEN];
	int r = mf_sha256_fd(repomd->fd, digest), unchanged = 0;

	if (r < 0)
		return mf_fail(ctx, MF_STAGE_REFRESH, r, repo->id, NULL);
	if (!force && refresh_is_current(ctx, repo->id, digest))
		unchanged = 1;
	else
		r = refresh_build(ctx, repo, repomd->fd, digest, &result->content);
	if (r == 0)
		r = mf_trust_published(ctx, repo, mirror, repomd->etag);
	return r < 0 ? r : unchanged;
}

/* The mirror has nothing newer than repomd.xml of the cache: uses that in place of a response. */
static int use_current(struct mf_context *ctx, const struct mf_repo *repo,
		       const struct mf_repo_state *state, struct mf_fetched *repomd)
{
	_cleanup_close_ int dirfd = mf_cache_open(ctx, repo->id, NULL);

	repomd->fd = dirfd < 0 ? dirfd : openat(dirfd, "repomd.xml", O_RDONLY | O_CLOEXEC);
	if (repomd->fd < 0)
		return mf_fail(ctx, MF_STAGE_REFRESH, -MFE_BAD_INDEX, repo->id,
			       "its cache is damaged; run: modfetch refresh --force");
	if (!repomd->etag)
		repomd->etag = strdup(state->etag);
	return repomd->etag ? 0 : mf_fail(ctx, MF_STAGE_REFRESH, -ENOMEM, repo->id, NULL);
}

static int check_pair(struct mf_context *ctx, const struct mf_repo *repo,
		      const struct refresh_options *options,
		      const struct mf_fetched fetched[N_FILES], struct mf_refresh_result *result)
{
	const struct mf_trust_evidence evidence = {
		.repomd = fetched[REPOMD].fd,
		.signature = fetched[SIGNATURE].fd,
		.format = (enum mf_signature)options->format,
		.accept = (options->flags & MF_REFRESH_OLDER ? MF_ACCEPT_OLDER : 0) |
			  (options->flags & MF_REFRESH_IDENTITY ? MF_ACCEPT_IDENTITY : 0),
	};

	return mf_trust_repomd(ctx, repo, &evidence, &result->trust);
}

/* A try to get metadata from one mirror. */
struct attempt {
	const char *mirror;
	bool again;    /* the files before did not go together: these must be fetched completely */
	bool accepted; /* repomd.xml and its signature were; what failed came after them */
};

static int refresh_from(struct mf_context *ctx, const struct mf_repo *repo, struct attempt *attempt,
			const struct refresh_options *options, struct mf_refresh_result *result)
{
	const char *mirror = attempt->mirror;
	_cleanup_(fetched_done) struct mf_fetched fetched[N_FILES] = { { .fd = -1 }, { .fd = -1 } };
	const struct mf_strings one = { (char **)&mirror, 1, 0 };
	struct mf_repo_state state = { 0 };
	int r = 0;

	if (!options->flags && options->format && !attempt->again)
		r = mf_repo_state_read(ctx, repo->id, &state);
	if (r == 0)
		r = fetch_pair(ctx, repo, &one, options->format,
			       known_etag(ctx, repo, &state, options->keys, mirror), fetched);
	if (r == 0 && fetched[REPOMD].not_modified)
		r = use_current(ctx, repo, &state, &fetched[REPOMD]);
	if (r == 0)
		r = check_pair(ctx, repo, options, fetched, result);
	attempt->accepted = r >= 0;
	if (r == 0)
		r = mf_refresh_keep(ctx, repo,
				    mf_signature_path((enum mf_signature)options->format),
				    fetched[SIGNATURE].fd);
	if (r == 0)
		r = mf_refresh_keep(ctx, repo, REPOMD_PATH, fetched[REPOMD].fd);
	return r < 0 ? r
		     : refresh_publish(ctx, repo, mirror, &fetched[REPOMD],
				       options->flags & MF_REFRESH_FORCE, result);
}

/*
 * Was the repository perhaps published again between two requests? Then the signature is that of another
 * repomd.xml, or a file that repomd.xml names is gone or another one: all of them once more.
 */
static bool may_be_torn(const struct attempt *attempt, int code)
{
	static const int codes[] = { -MFE_HTTP_STATUS, -MFE_BAD_DIGEST, -MFE_BAD_SIZE,
				     -MFE_TOO_LARGE, -MFE_TRUNCATED };

	for (size_t i = 0; attempt->accepted && i < MF_ARRAY_SIZE(codes); i++)
		if (codes[i] == code)
			return true;
	return code == -MFE_BAD_SIGNATURE;
}

/*
 * The rank of a failure that another mirror may not have; 0: all would have it. Of the failures of
 * all mirrors the one with the highest rank is reported.
 */
static int mirror_failure_rank(int code)
{
	static const int codes[] = {
		-MFE_UNREACHABLE,   -MFE_PORTAL,       -MFE_TIMEOUT,	   -MFE_HTTP_STATUS,
		-MFE_TRUNCATED,	    -MFE_TOO_LARGE,    -MFE_BAD_DIGEST,	   -MFE_BAD_SIZE,
		-MFE_BAD_METADATA,  -MFE_NO_SIGNATURE, -MFE_BAD_SIGNATURE, -MFE_WEAK_SIGNATURE,
		-MFE_UNTRUSTED_KEY, -MFE_ROLLBACK,     -MFE_FUTURE,	   -MFE_IDENTITY,
		-MFE_STALE,	    -MFE_REVOKED,
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(codes); i++)
		if (codes[i] == code)
			return (int)i + 1;
	return 0;
}

/* Tries one mirror after the other until one has acceptable metadata. */
static int refresh_mirrors(struct mf_context *ctx, const struct mf_repo *repo,
			   const struct refresh_options *options, struct mf_refresh_result *result)
{
	struct mf_failure worst = { 0 };
	int r = 0;

	if (!repo->baseurls.n)
		return mf_fail(ctx, MF_STAGE_REFRESH, -MFE_UNREACHABLE, repo->id,
			       "the repository has no URL");
	for (size_t i = 0; i < repo->baseurls.n; i++) {
		struct attempt attempt = { .mirror = repo->baseurls.v[i] };

		r = refresh_from(ctx, repo, &attempt, options, result);
		if (may_be_torn(&attempt, r)) {
			attempt.again = true;
			r = refresh_from(ctx, repo, &attempt, options, result);
		}
		if (r >= 0 || !mirror_failure_rank(r))
			return r;
		if (mirror_failure_rank(r) > mirror_failure_rank(worst.code))
			worst = ctx->failure;
	}
	if (worst.code) {
		ctx->failure = worst;
		r = worst.code;
	}
	return r;
}

int mf_refresh(struct mf_context *ctx, const struct mf_repo *repo, unsigned int flags,
	       struct mf_refresh_result *ret_result)
{
	_cleanup_(mf_strings_done) struct mf_strings urls = { 0 };
	struct mf_refresh_result result = { 0 };
	struct mf_repo with_mirrors = *repo;
	struct refresh_options options = { .flags = flags };
	int r;

	options.format = mf_trust_format(ctx, repo, options.keys);
	/* without a key a request would be useless */
	if (options.format < 0)
		return options.format;
	r = collect_mirrors(ctx, repo, &urls);
	if (r < 0)
		return ctx->failure.code ? r : mf_fail(ctx, MF_STAGE_REFRESH, r, repo->id, NULL);
	with_mirrors.baseurls = urls;
	r = refresh_mirrors(ctx, &with_mirrors, &options, &result);
	if (r >= 0)
		*ret_result = result;
	return r;
}

int mf_refresh_all(struct mf_context *ctx, const char *id, bool force, bool *ret_changed)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	int r = mf_repos_read(ctx, &repos), worst = 0;
	bool some = false, changed = false;

	if (r < 0)
		return r;
	for (size_t i = 0; i < repos.n; i++) {
		struct mf_refresh_result result;

		if (!repos.v[i].enabled || (id && strcmp(id, repos.v[i].id) != 0))
			continue;
		r = mf_refresh(ctx, &repos.v[i], force ? MF_REFRESH_FORCE : 0, &result);
		some |= r >= 0;
		changed |= r == 0;
		if (r < 0)
			worst = r;
	}
	if (ret_changed)
		*ret_changed = changed;
	return some ? 0 : worst;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which configured repository is a directory of a medium a copy of, and which of its packages are there?
 *
 * The signature decides: the keys of exactly one enabled repository must have signed it, or of several
 * that share a key the one whose identity the metadata states. Without an identity nothing
 * distinguishes "stable" from "testing", and the medium is refused.
 *
 * The metadata then goes through the pipeline of every refresh. If it is newer, it is accepted, so a
 * machine that was never online has metadata afterwards. If it is older than the accepted metadata, it
 * changes nothing, and the medium is an outdated mirror: a package on it is used if the accepted
 * metadata still lists it, with the same digest. So a medium cannot bring back a driver that its
 * publisher has replaced.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "modfetch/cache.h"
#include "modfetch/cleanup.h"
#include "modfetch/fetch.h"
#include "modfetch/libkmod.h"
#include "modfetch/media.h"
#include "modfetch/module-name.h"
#include "modfetch/mount.h"
#include "modfetch/refresh.h"
#include "modfetch/release.h"
#include "modfetch/trust.h"

enum { REPOMD_MAX = 1 << 20, SIGNATURE_MAX = 64 << 10, REPOMD = 0, SIGNATURE = 1, N_FILES = 2 };

/* ---- whose is it? ---- */

static void pair_done(struct mf_fetched (*pair)[N_FILES])
{
	for (size_t i = 0; i < N_FILES; i++)
		mf_fetched_done(&(*pair)[i]);
}

/* Copies repomd.xml and its signature of a format into memory. 0 or recorded. */
static int read_pair(struct mf_context *ctx, const struct mf_strings *url, enum mf_signature format,
		     struct mf_fetched ret_pair[N_FILES])
{
	const struct mf_fetch_request requests[N_FILES] = {
		[REPOMD] = { .mirrors = url,
			     .path = "repodata/repomd.xml",
			     .label = url->v[0],
			     .max_size = REPOMD_MAX },
		[SIGNATURE] = { .mirrors = url,
				.path = mf_signature_path(format),
				.label = url->v[0],
				.max_size = SIGNATURE_MAX,
				.optional = true },
	};

	return mf_fetch(ctx, requests, N_FILES, ret_pair);
}

/* The identity that a verified repomd.xml states, or "". NULL: no memory, or it is damaged. */
static char *identity_of(int repomd_fd)
{
	_cleanup_(mf_repomd_done) struct mf_repomd repomd = { 0 };

	if (mf_repomd_parse(repomd_fd, &repomd) < 0)
		return NULL;
	return strdup(repomd.identity ? repomd.identity : "");
}

struct candidates {
	const struct mf_repo *one;	 /* the last with a key that signed it */
	const struct mf_repo *identical; /* the last of them with the identity of the metadata */
	size_t n, n_identical;
};

/* 0: it is signed by a key of the repository, and counted; 1: there is nothing to compare; or recorded. */
static int try_repository(struct mf_context *ctx, const struct mf_repo *repo,
			  const struct mf_strings *url, struct candidates *c)
{
	_cleanup_(pair_done) struct mf_fetched pair[N_FILES] = { { .fd = -1 }, { .fd = -1 } };
	_cleanup_free_ char *identity = NULL;
	struct mf_trust_evidence evidence = { .only_signature = true };
	struct mf_repo_state state = { 0 };
	struct mf_trusted trust;
	uint8_t keys[MF_SHA256_LEN];
	int format, r;

	if (!repo->enabled || repo->trust != MF_TRUST_SIGNED)
		return 1;
	format = mf_trust_format(ctx, repo, keys);
	if (format < 0)
		return format;
	r = read_pair(ctx, url, (enum mf_signature)format, pair);
	if (r < 0)
		return r;
	evidence.repomd = pair[REPOMD].fd;
	evidence.signature = pair[SIGNATURE].fd;
	evidence.format = (enum mf_signature)format;
	r = mf_trust_repomd(ctx, repo, &evidence, &trust);
	if (r == 0)
		r = mf_repo_state_read(ctx, repo->id, &state);
	if (r < 0)
		return r;
	identity = identity_of(pair[REPOMD].fd);
	if (!identity)
		return mf_fail(ctx, MF_STAGE_MEDIA, -MFE_BAD_METADATA, url->v[0],
			       "repomd.xml cannot be understood");
	c->one = repo;
	c->n++;
	if (*identity && !strcmp(identity, repo->identity ? repo->identity : state.identity)) {
		c->identical = repo;
		c->n_identical++;
	}
	return 0;
}

/* Of several refusals the one that says most: the signature of another format is only missing. */
static bool says_more(int code, int than)
{
	return !than || than == -MFE_NO_SIGNATURE || than == -MFE_NO_KEYS ||
	       (than == -MFE_UNTRUSTED_KEY && code != -MFE_NO_SIGNATURE && code != -MFE_NO_KEYS);
}

static int fail_to_find(struct mf_context *ctx, const char *directory, const struct candidates *c,
			const struct mf_failure *refusal)
{
	if (c->n)
		return mf_fail(ctx, MF_STAGE_MEDIA, -MFE_IDENTITY, directory,
			       "several repositories have the key that signed it, %s is one; add "
			       "identity= to their .repo files",
			       c->one->id);
	if (refusal->code)
		return mf_fail(ctx, MF_STAGE_MEDIA, refusal->code, directory,
			       "no configured repository accepts it: %s: %s", refusal->what,
			       *refusal->why ? refusal->why : mf_error_sentence(refusal->code));
	return mf_fail(ctx, MF_STAGE_MEDIA, -MFE_NO_KEYS, directory,
		       "no repository with a key is configured; add one for it: modfetch repo add");
}

/* NULL: a failure was recorded. */
static const struct mf_repo *find_repository(struct mf_context *ctx, const struct mf_repos *repos,
					     const char *directory, const struct mf_strings *url)
{
	const struct mf_saved_failure before = mf_failure_save(ctx);
	struct candidates c = { 0 };
	struct mf_failure refusal = { 0 };

	for (size_t i = 0; i < repos->n; i++) {
		int r = try_repository(ctx, &repos->v[i], url, &c);

		if (r == -ENOMEM || r == -EMFILE)
			return NULL;
		if (r < 0 && says_more(r, refusal.code))
			refusal = ctx->failure;
	}
	if (c.n == 1 || c.n_identical == 1) {
		mf_failure_restore(&before);
		return c.n == 1 ? c.one : c.identical;
	}
	(void)fail_to_find(ctx, directory, &c, &refusal);
	return NULL;
}

/* ---- what is there of it? ---- */

struct listing {
	const char *directory;
	int dirfd;
	struct mf_kmod *kmod;
	struct mf_local *local;
	size_t listed, there;
};

/* Is the package there, as a regular file below the directory? */
static bool is_there(const struct listing *l, const char *location)
{
	_cleanup_free_ char *name = NULL;
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (mf_href_check(location) || mf_href_decode(location, &name))
		return false;
	fd = (int)syscall(SYS_openat2, l->dirfd, name, &how, sizeof(how));
	return fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode);
}

struct on_disk {
	struct mf_kmod *kmod;
	bool found; /* a module of the package is on disk, or it belongs to a kernel itself */
};

static int on_provide(void *arg, const char *provide, const char *evr)
{
	struct on_disk *d = arg;
	char module[MF_MODULE_NAME_SIZE];

	(void)evr;
	d->found |= mf_dep_is_uname_r(provide) || (mf_dep_module(provide, module, sizeof(module)) &&
						   mf_kmod_presence(d->kmod, module) != MF_ABSENT);
	return d->found;
}

/* Does a package stand for something that the machine has already? 1, 0 or -ENOMEM. */
static int stands_for_files(const struct listing *l, struct mf_pool *pool, int id)
{
	struct on_disk d = { .kmod = l->kmod };
	int r = mf_pool_deps(pool, id, MF_PROVIDES, on_provide, &d);

	return r < 0 ? r : d.found;
}

/*
 * Lists what a plan may know of. Among that is what stands for files of the machine, also if it is not on
 * the medium: of the kernel, it says which symbols it exports; of a module on disk that no package owns,
 * which dependencies it satisfies. Neither is installed for that.
 */
static int list_pool(struct listing *l, struct mf_pool *pool)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = mf_pool_list(pool, 0, &ids, &n);

	for (size_t i = 0; r >= 0 && i < n; i++) {
		struct mf_package package;

		mf_pool_package(pool, ids[i], &package);
		l->listed++;
		if (!package.location || package.base)
			continue;
		r = is_there(l, package.location);
		l->there += r == 1;
		if (!r)
			r = stands_for_files(l, pool, ids[i]);
		if (r != 1)
			continue;
		r = mf_strings_add(&l->local->files, package.location);
		if (!r)
			r = mf_strings_add(&l->local->names, package.name);
	}
	return r < 0 ? r : 0;
}

/* The packages of one list of the cache, if it has such a list. 0 or -errno. */
static int list_packages(struct listing *l, int cache, const char *tag)
{
	_cleanup_free_ char *file = mf_format(MF_CACHE_LIST, MF_CACHE_PACKAGES, tag);
	_cleanup_close_ int fd = file ? openat(cache, file, O_RDONLY | O_CLOEXEC) : -1;
	struct mf_pool *pool = NULL;
	int r;

	if (!file)
		return -ENOMEM;
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = mf_pool_new(NULL, &pool);
	if (!r)
		r = mf_pool_add_cache(pool, fd, 0, 0);
	if (!r)
		r = list_pool(l, pool);
	mf_pool_free(pool);
	return r;
}

static int accept_list(struct mf_context *ctx, const struct mf_repo *repo, struct listing *l)
{
	_cleanup_close_ int cache = mf_cache_open(ctx, repo->id, NULL);
	_cleanup_close_ int dirfd = open(l->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *tag = NULL;
	struct mf_release release;
	int r;

	if (cache < 0)
		return mf_fail(ctx, MF_STAGE_MEDIA, -MFE_NO_METADATA, repo->id, NULL);
	if (dirfd < 0)
		return mf_fail(ctx, MF_STAGE_MEDIA, -MFE_MEDIUM, l->directory, "%s",
			       mf_error_sentence(-errno));
	if (mf_release_parse(ctx->kernel, NULL, &release) < 0)
		return mf_fail(ctx, MF_STAGE_MEDIA, -MFE_USAGE, ctx->kernel,
			       "not a kernel release");
	tag = mf_format("%s-%s", release.flavor, release.abi);
	l->dirfd = dirfd;
	r = mf_kmod_new(ctx, &l->kmod);
	if (r < 0)
		return r;
	r = tag ? list_packages(l, cache, tag) : -ENOMEM;
	if (!r)
		r = list_packages(l, cache, MF_CACHE_OTHER);
	mf_kmod_free(MF_STEAL(l->kmod));
	mf_strings_sort(&l->local->names);
	mf_strings_sort(&l->local->files);
	return r < 0 ? mf_fail(ctx, MF_STAGE_MEDIA, r == -EBADMSG ? -MFE_BAD_INDEX : r, repo->id,
			       r == -EBADMSG ? "its cache is damaged; run: modfetch refresh --force"
					     : NULL)
		     : 0;
}

/* ---- all of it ---- */

/* Accepts the metadata as a refresh does; older metadata is passed over. 0 or recorded. */
static int take_metadata(struct mf_context *ctx, const struct mf_repo *repo, const char *directory,
			 const struct mf_strings *url)
{
	const struct mf_saved_failure before = mf_failure_save(ctx);
	struct mf_refresh_result result;
	struct mf_repo medium = *repo;
	int r;

	medium.baseurls = *url;
	medium.mirrorlist = NULL;
	r = mf_refresh(ctx, &medium, MF_REFRESH_MEDIUM, &result);
	if (r == -MFE_ROLLBACK && mf_trust_in_use(ctx, repo) == 0) {
		mf_failure_restore(&before);
		mf_log(ctx, MF_LOG_WARNING,
		       "media: %s: its metadata is older than what was accepted of %s; packages "
		       "that %s still lists are used",
		       directory, repo->id, repo->id);
		return 0;
	}
	return r < 0 ? r : mf_trust_in_use(ctx, repo);
}

int mf_media_accept_repository(struct mf_context *ctx, const struct mf_repos *repos,
			       const char *directory, bool dry_run, struct mf_local *ret_local)
{
	_cleanup_(mf_local_done) struct mf_local local = { .id = MF_LOCAL_MEDIUM };
	struct listing l = { .directory = directory, .dirfd = -1, .local = &local };
	_cleanup_(mf_strings_done) struct mf_strings url = { 0 };
	_cleanup_free_ char *text = mf_file_url(directory);
	const struct mf_repo *repo;
	int r;

	if (!text || mf_strings_add(&url, text) < 0)
		return mf_fail(ctx, MF_STAGE_MEDIA, -ENOMEM, directory, NULL);
	repo = find_repository(ctx, repos, directory, &url);
	if (!repo)
		return ctx->failure.code;
	r = dry_run ? mf_trust_in_use(ctx, repo) : take_metadata(ctx, repo, directory, &url);
	if (r == -MFE_NO_METADATA && dry_run)
		return mf_fail(
			ctx, MF_STAGE_MEDIA, r, directory,
			"a dry run does not accept its metadata, and %s has none yet; run it "
			"without --dry-run",
			repo->id);
	if (r < 0)
		return r;
	local.repository = strdup(repo->id);
	local.directory = strdup(directory);
	if (!local.repository || !local.directory)
		return mf_fail(ctx, MF_STAGE_MEDIA, -ENOMEM, directory, NULL);
	r = accept_list(ctx, repo, &l);
	if (r < 0)
		return r;
	mf_log(ctx, MF_LOG_INFO, "media: %s is a copy of repository %s: %zu of %zu packages",
	       directory, repo->id, l.there, l.listed);
	*ret_local = local;
	local = (struct mf_local){ 0 };
	return 0;
}

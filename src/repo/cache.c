/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Building and opening what is kept of a repository between runs.
 *
 * Decides which kernel a package belongs to: by its name, which in the package contract ends in
 * "-<flavor>-<abi>". The packages of a kernel go into a file of their own, so that a repository of
 * ten kernels costs a lookup no more than one of one. Packages of another kernel that the repository
 * lists as serving a kernel (shared.c) are in the files of both. Trusts the bytes it is given: they were
 * verified; whatever it cannot use it leaves out, it never fails on a strange package.
 */
#include "modfetch/cache.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "modfetch/array.h"
#include "modfetch/cache-names.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/release.h"
#include "modfetch/strings.h"
#include "advisories.h"
#include "driver-files.h"
#include "indexes.h"
#include "shared.h"

#define STAMP	     "modfetch cache " MF_CACHE_VERSION " "
#define ODD_REPORTED 8 /* packages of odd names; further ones are only counted */

static int open_repo_directory(const struct mf_context *ctx, const char *repo_id, bool make)
{
	_cleanup_free_ char *path = NULL;

	path = mf_format(MF_CACHE_DIRECTORY "/%s", repo_id);
	if (!path)
		return -ENOMEM;
	return make ? mf_context_mkdir(ctx, path)
		    : mf_context_open(ctx, path, O_RDONLY | O_DIRECTORY);
}

int mf_cache_open(const struct mf_context *ctx, const char *repo_id,
		  uint8_t ret_digest[MF_SHA256_LEN])
{
	_cleanup_close_ int dirfd = open_repo_directory(ctx, repo_id, false), fd = -1;
	_cleanup_free_ char *stamp = NULL;
	uint8_t digest[MF_SHA256_LEN];
	size_t len;

	if (dirfd < 0)
		return dirfd;
	fd = openat(dirfd, MF_CACHE_CURRENT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (mf_file_read_at(fd, "stamp", 256, &stamp, &len) < 0 || !mf_starts_with(stamp, STAMP))
		return -ENOENT;
	stamp[strcspn(stamp, "\n")] = '\0';
	if (!mf_sha256_parse(stamp + strlen(STAMP), digest))
		return -ENOENT;
	if (ret_digest)
		memcpy(ret_digest, digest, sizeof(digest));
	return mf_steal_fd(&fd);
}

/* ---- which kernel a package belongs to ---- */

/*
 * The tag inside a package's name, "amd64-6.1.0_56": after "-kmp-" if it ends in an ABI, which has
 * a digit first and no dash. Borrowed from NAME; NULL where there is none.
 */
static const char *tag_of_kmp(const char *name)
{
	const char *kmp = NULL, *dash;

	for (const char *p = name; (p = strstr(p, "-kmp-")); p++)
		kmp = p + strlen("-kmp-");
	dash = kmp ? strrchr(kmp, '-') : NULL;
	if (!dash || !isdigit((unsigned char)dash[1]) || !mf_release_tag_valid(kmp, strlen(kmp)))
		return NULL;
	return kmp;
}

/*
 * The place of the package's kernel in the list; the list's length: no kernel's, or any one's. Of
 * several the longest: "cloud-amd64-6.1.0_56" ends in another flavor's tag.
 */
static size_t kernel_of(const struct mf_strings *tags, const char *name)
{
	size_t len = strlen(name), found = tags->n, longest = 0;

	for (size_t i = 0; i < tags->n; i++) {
		size_t n = strlen(tags->v[i]);
		const char *dash = strrchr(tags->v[i], '-');
		_cleanup_free_ char *image = NULL;

		if (n > longest && len > n && name[len - n - 1] == '-' &&
		    !strcmp(name + len - n, tags->v[i])) {
			found = i;
			longest = n;
		}
		image = mf_format("kernel-%.*s-image%s", (int)(dash - tags->v[i]), tags->v[i],
				  dash);
		if (!image)
			continue;
		if (!strcmp(name, image))
			return i;
	}
	return found;
}

/* ---- building ---- */

struct build {
	struct mf_context *ctx;
	struct mf_pool *pool;
	int dirfd; /* of the new generation */
	int *ids;
	size_t n;
	struct mf_strings tags;
	size_t *kernel;			 /* per package: place in tags, or tags.n */
	struct mf_strings found, hidden; /* driver packages with and without an alias */
};

static void build_done(struct build *b)
{
	mf_pool_free(b->pool);
	mf_strings_done(&b->tags);
	mf_strings_done(&b->found);
	mf_strings_done(&b->hidden);
	free(b->ids);
	free(b->kernel);
	if (b->dirfd >= 0)
		close(b->dirfd);
}

static int sort_by_kernel(struct build *b)
{
	struct mf_package package;
	int r = 0;

	for (size_t i = 0; !r && i < b->n; i++) {
		const char *tag;

		mf_pool_package(b->pool, b->ids[i], &package);
		tag = tag_of_kmp(package.name);
		/* a kernel may have no driver package of its own */
		if (!tag)
			tag = mf_shared_tag(package.name);
		if (tag)
			r = mf_strings_add_unique(&b->tags, tag);
	}
	b->kernel = calloc(b->n + 1, sizeof(*b->kernel));
	if (r < 0 || !b->kernel)
		return -ENOMEM;
	for (size_t i = 0; i < b->n; i++) {
		mf_pool_package(b->pool, b->ids[i], &package);
		b->kernel[i] = kernel_of(&b->tags, package.name);
	}
	return 0;
}

/* New memory; NULL: none. */
static int *select_packages(const struct build *b, size_t kernel, size_t *ret_n)
{
	int *ids = calloc(b->n + 1, sizeof(*ids));
	size_t n = 0;

	for (size_t i = 0; ids && i < b->n; i++)
		if (b->kernel[i] == kernel)
			ids[n++] = b->ids[i];
	*ret_n = n;
	return ids;
}

static int compare_ids(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

struct shared {
	struct mf_indexes_shared *v;
	size_t n, room;
};

static void shared_done(struct shared *shared)
{
	free(shared->v);
}

/* Adds a package, unless it was left out, is this kernel's own, or counts for all kernels anyway. */
static int add_shared(const struct build *b, size_t kernel, int id, struct shared *shared)
{
	const int *place = bsearch(&id, b->ids, b->n, sizeof(*b->ids), compare_ids);
	size_t of = place ? b->kernel[place - b->ids] : b->tags.n;

	if (of == b->tags.n || of == kernel)
		return 0;
	if (mf_array_reserve(&shared->v, &shared->room, shared->n + 1, sizeof(*shared->v)) < 0)
		return -ENOMEM;
	shared->v[shared->n++] = (struct mf_indexes_shared){ id, b->tags.v[of] };
	return 0;
}

/* The packages of other kernels that serve one, of which OWN are the packages; sorted by id. */
static int find_shared(const struct build *b, size_t kernel, const int *own, size_t n_own,
		       struct shared *ret_shared)
{
	int r = 0;

	for (size_t i = 0; !r && i < n_own; i++) {
		_cleanup_free_ int *ids = NULL;
		struct mf_package package;
		size_t n = 0;

		mf_pool_package(b->pool, own[i], &package);
		if (kernel == b->tags.n || !mf_shared_tag(package.name))
			continue;
		/* writing the lists of other kernels has made it forget who provides what */
		mf_pool_ready(b->pool);
		r = mf_shared_packages(b->pool, own[i], &ids, &n);
		for (size_t k = 0; !r && k < n; k++)
			r = add_shared(b, kernel, ids[k], ret_shared);
	}
	if (ret_shared->n) /* the id is the first member */
		qsort(ret_shared->v, ret_shared->n, sizeof(*ret_shared->v), compare_ids);
	return r;
}

/* Replaces OWN by these and the shared ones, sorted. 0 or -ENOMEM. */
static int join_ids(int **own, size_t *n, const struct shared *shared)
{
	int *ids = reallocarray(*own, *n + shared->n + 1, sizeof(*ids));

	if (!ids)
		return -ENOMEM;
	for (size_t i = 0; i < shared->n; i++)
		ids[(*n)++] = shared->v[i].id;
	if (*n)
		qsort(ids, *n, sizeof(*ids), compare_ids);
	*own = ids;
	return 0;
}

typedef int write_list(struct mf_pool *pool, const int *ids, size_t n, int fd);

static int write_file(struct build *b, const char *kind, const char *tag, write_list *write,
		      const int *ids, size_t n)
{
	_cleanup_(mf_staged_done) struct mf_staged staged = MF_STAGED_INIT;
	_cleanup_free_ char *name = NULL;
	int r;

	name = mf_format(MF_CACHE_LIST, kind, tag);
	if (!name)
		return -ENOMEM;
	r = mf_staged_init(&staged, b->dirfd, name, 0644);
	if (!r)
		r = write(b->pool, ids, n, staged.fd);
	return r < 0 ? r : mf_staged_publish(&staged);
}

/*
 * The packages of one kernel (KERNEL is tags.n: the others), into files of their own, with those of
 * other kernels that serve it.
 */
static int write_packages(struct build *b, size_t kernel)
{
	const char *tag = kernel < b->tags.n ? b->tags.v[kernel] : MF_CACHE_OTHER;
	_cleanup_free_ int *ids = NULL, *loose = NULL, *all = NULL;
	_cleanup_(shared_done) struct shared shared = { 0 };
	size_t n_all;
	struct mf_indexes_source source = { .tag = kernel < b->tags.n ? tag : NULL,
					    .tags = &b->tags,
					    .found = &b->found,
					    .hidden = &b->hidden };
	int r;

	ids = select_packages(b, kernel, &source.n);
	loose = select_packages(b, b->tags.n, &source.n_loose);
	if (!ids || !loose)
		return -ENOMEM;
	source.ids = ids;
	source.loose = loose;
	r = find_shared(b, kernel, ids, source.n, &shared);
	all = select_packages(b, kernel, &n_all);
	if (!r)
		r = all ? join_ids(&all, &n_all, &shared) : -ENOMEM;
	if (!r)
		r = write_file(b, MF_CACHE_PACKAGES, tag, mf_pool_write, all, n_all);
	if (!r)
		r = write_file(b, MF_CACHE_PLAN, tag, mf_pool_write_plan, all, n_all);
	source.shared = shared.v;
	source.n_shared = shared.n;
	return r < 0 ? r : mf_indexes_write(b->pool, &source, b->dirfd);
}

static int copy_file(int from, int dirfd, const char *name)
{
	_cleanup_free_ char *buf = NULL;
	size_t len;
	int r = mf_file_read(from, SIZE_MAX / 2, &buf, &len);

	return r < 0 ? r : mf_file_publish(dirfd, name, 0644, buf, len);
}

static int write_generation(struct build *b, const char *repo_id,
			    const struct mf_cache_source *source)
{
	char stamp[sizeof(STAMP) + MF_SHA256_HEX + 2], hex[MF_SHA256_HEX];
	int r = source->fill ? 0 : copy_file(source->repomd, b->dirfd, "repomd.xml");

	for (size_t i = 0; !r && i <= b->tags.n; i++)
		r = write_packages(b, i);
	if (!r)
		r = mf_served_write(b->pool, b->ids, b->n, b->dirfd);
	if (!r && source->updateinfo > 0)
		r = mf_advisories_write(b->ctx, repo_id, b->pool, b->ids, b->n, source->updateinfo,
					b->dirfd);
	if (r < 0)
		return r;
	mf_sha256_hex(source->digest, hex);
	snprintf(stamp, sizeof(stamp), STAMP "%s\n", hex);
	return mf_file_publish(b->dirfd, "stamp", 0644, stamp, strlen(stamp));
}

/* Names become lines, paths and keys of indexes: a package whose name cannot is left out. */
static void leave_out_odd(struct build *b, const char *repo_id)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->n; i++) {
		struct mf_package p;

		mf_pool_package(b->pool, b->ids[i], &p);
		if (mf_is_word(p.name, strlen(p.name)) && mf_is_word(p.evr, strlen(p.evr)) &&
		    mf_is_word(p.arch, strlen(p.arch)))
			b->ids[kept++] = b->ids[i];
		else if (i - kept < ODD_REPORTED)
			mf_log(b->ctx, MF_LOG_WARNING,
			       "refresh: %s: left out package %s: its name, version or "
			       "architecture is not of printing ASCII",
			       repo_id, p.name);
	}
	b->n = kept;
}

static int load(struct build *b, const struct mf_cache_source *source, const char *repo_id)
{
	int r = mf_pool_new(NULL, &b->pool);

	if (r < 0)
		return mf_fail(b->ctx, MF_STAGE_REFRESH, r, repo_id, NULL);
	r = source->fill ? source->fill(source->arg, b->pool)
			 : mf_pool_add_primary(b->pool, source->primary, 0);
	if (r < 0)
		return source->fill ? r
				    : mf_fail(b->ctx, MF_STAGE_REFRESH, -MFE_BAD_METADATA, repo_id,
					      "primary.xml cannot be parsed");
	mf_pool_ready(b->pool);
	r = mf_pool_list(b->pool, 0, &b->ids, &b->n);
	if (r < 0)
		return mf_fail(b->ctx, MF_STAGE_REFRESH, r, repo_id, NULL);
	leave_out_odd(b, repo_id);
	r = mf_driver_files_add(b->ctx, repo_id, b->pool, b->ids, b->n, source);
	return r < 0 && !b->ctx->failure.code ? mf_fail(b->ctx, MF_STAGE_REFRESH, r, repo_id, NULL)
					      : r;
}

/* A driver of which another version has an alias is found. */
static void describe_content(const struct build *b, struct mf_cache_content *content)
{
	content->packages = b->n;
	for (size_t i = 0; i < b->hidden.n; i++)
		if (!mf_strings_has(&b->found, b->hidden.v[i]) && !content->hidden++)
			snprintf(content->hidden_first, sizeof(content->hidden_first), "%s",
				 b->hidden.v[i]);
}

/*
 * Points "current" at NAME. The generation before stays: another process may have opened it, but not yet
 * all of its files. Older ones, and what a crash left half made, go.
 */
static int cache_publish(int repo_fd, const char *name)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char before[NAME_MAX + 1];
	struct dirent *e;
	ssize_t len = readlinkat(repo_fd, MF_CACHE_CURRENT, before, sizeof(before) - 1);

	before[len > 0 ? len : 0] = '\0';
	(void)unlinkat(repo_fd, "." MF_CACHE_CURRENT ".partial", 0);
	if (symlinkat(name, repo_fd, "." MF_CACHE_CURRENT ".partial") < 0 ||
	    renameat(repo_fd, "." MF_CACHE_CURRENT ".partial", repo_fd, MF_CACHE_CURRENT) < 0 ||
	    fsync(repo_fd) < 0)
		return -errno;
	dir = mf_opendir(repo_fd);
	while (dir && (e = readdir(dir)))
		if (mf_starts_with(e->d_name, "gen-") && strcmp(e->d_name, name) &&
		    strcmp(e->d_name, before))
			(void)mf_tree_remove(repo_fd, e->d_name);
	return 0;
}

/* A new directory for a generation, of a name no other has, so that even the same metadata built again
 * never touches the one in use. */
static int cache_make_directory(int repo_fd, const uint8_t digest[MF_SHA256_LEN],
				char name[NAME_MAX + 1])
{
	char hex[MF_SHA256_HEX];
	struct timespec now;

	mf_sha256_hex(digest, hex);
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(name, NAME_MAX + 1, "gen-%.16s-%llx%08lx", hex, (unsigned long long)now.tv_sec,
		 (unsigned long)now.tv_nsec);
	return mkdirat(repo_fd, name, 0755) < 0 ? -errno : 0;
}

int mf_cache_build(struct mf_context *ctx, const char *repo_id,
		   const struct mf_cache_source *source, struct mf_cache_content *ret_content)
{
	struct mf_cache_content content = { 0 };
	_cleanup_(build_done) struct build b = { .ctx = ctx, .dirfd = -1 };
	_cleanup_close_ int repo_fd = -1;
	char name[NAME_MAX + 1];
	int r;

	r = load(&b, source, repo_id);
	if (r < 0)
		return r;
	repo_fd = open_repo_directory(ctx, repo_id, true);
	r = repo_fd < 0 ? repo_fd : sort_by_kernel(&b);
	if (!r)
		r = cache_make_directory(repo_fd, source->digest, name);
	if (!r)
		b.dirfd = openat(repo_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!r && b.dirfd < 0)
		r = -errno;
	if (!r)
		r = write_generation(&b, repo_id, source);
	if (!r)
		r = cache_publish(repo_fd, name);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_REFRESH, r, repo_id, NULL);
	describe_content(&b, &content);
	*ret_content = content;
	return 0;
}

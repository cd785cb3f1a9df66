/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Package files of this machine as one more repository, after those of the configuration.
 *
 * A file is named by the digest that it has when it is listed, and the stages treat it as a download
 * with that digest: a file that is changed later is refused. Kept packages were verified before they
 * came into the store, and packages of a build were made here (src/build/). Any other file is no more
 * than a name that a user typed, so its package must be signed, by an OpenPGP key of the repositories.
 *
 * The ids begin with '@', which no id of a .repo file does.
 */
#include "modfetch/local.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/file.h"
#include "modfetch/kept.h"
#include "modfetch/mount.h"
#include "modfetch/rpm.h"

#define KEY_DIRECTORY "etc/modfetch/keys/repo.d"

void mf_local_done(struct mf_local *local)
{
	for (size_t i = 0; i < local->n; i++)
		free(local->v[i].name);
	free(local->v);
	free(local->directory);
	free(local->repository);
	mf_strings_done(&local->names);
	mf_strings_done(&local->files);
	*local = (struct mf_local){ 0 };
}

static int local_append(struct mf_local *local, char *name, uint64_t size,
			const uint8_t sha256[MF_SHA256_LEN])
{
	if (!name ||
	    mf_array_reserve(&local->v, &local->room, local->n + 1, sizeof(*local->v)) < 0) {
		free(name);
		return -ENOMEM;
	}
	local->v[local->n] = (struct mf_local_file){ .name = name, .size = size };
	memcpy(local->v[local->n++].sha256, sha256, MF_SHA256_LEN);
	return 0;
}

int mf_local_from_kept(struct mf_context *ctx, const struct mf_strings *labels,
		       struct mf_local *ret_local)
{
	_cleanup_(mf_local_done) struct mf_local local = { .id = MF_LOCAL_KEPT };
	_cleanup_(mf_kept_done) struct mf_kept kept = { 0 };
	int r = mf_kept_read(ctx, &kept);

	if (r < 0)
		return r;
	local.directory = mf_format("%s/" MF_KEPT_DIRECTORY, ctx->root);
	r = local.directory ? 0 : -ENOMEM;
	for (size_t i = 0; !r && i < kept.n; i++) {
		const struct mf_kept_package *package = &kept.v[i];

		if ((!labels || mf_strings_has(labels, package->label)) &&
		    mf_kept_is_there(ctx, package))
			r = local_append(&local, mf_kept_file_name(package), package->size,
					 package->sha256);
	}
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_RESOLVE, r, "/" MF_KEPT_DIRECTORY, NULL);
	*ret_local = local;
	local = (struct mf_local){ 0 };
	return 0;
}

/* "name-evr.arch" of the package in FD. 0, -MFE_BAD_PACKAGE, or -errno. */
static int read_label(int fd, char **ret_label)
{
	_cleanup_(mf_rpm_header_done) struct mf_rpm_header header = { 0 };
	int r = mf_rpm_read(fd, &header);

	if (r < 0)
		return r;
	*ret_label = mf_rpm_label(&header);
	return *ret_label ? 0 : -ENOMEM;
}

int mf_local_add_file(struct mf_context *ctx, const char *path, struct mf_local *local,
		      char **ret_label)
{
	_cleanup_free_ char *real = realpath(path, NULL);
	_cleanup_close_ int fd = real ? open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	uint8_t digest[MF_SHA256_LEN];
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return mf_fail(ctx, MF_STAGE_RESOLVE, -errno, path, NULL);
	if (!S_ISREG(st.st_mode))
		return mf_fail(ctx, MF_STAGE_RESOLVE, -MFE_BAD_PACKAGE, path, "not a regular file");
	if ((uint64_t)st.st_size > ctx->settings.max_package)
		return mf_fail(ctx, MF_STAGE_RESOLVE, -MFE_TOO_LARGE, path,
			       "larger than max-package of modfetch.conf");
	r = mf_sha256_fd(fd, digest);
	if (!r)
		r = read_label(fd, ret_label);
	if (!r) {
		/* the files may be in several directories, which are part of their names */
		local->id = MF_LOCAL_FILES;
		local->signed_packages = true;
		if (!local->directory)
			local->directory = strdup("/");
		r = local->directory
			    ? local_append(local, strdup(real + 1), (uint64_t)st.st_size, digest)
			    : -ENOMEM;
	}
	return r < 0 ? mf_fail(ctx, MF_STAGE_RESOLVE, r, path,
			       r == -MFE_BAD_PACKAGE ? "not a complete rpm package" : NULL)
		     : 0;
}

/* ---- of a medium ---- */

static bool is_of_medium(const struct mf_local *local)
{
	return local->repository || !strcmp(local->id, MF_LOCAL_MEDIUM);
}

int mf_local_add_verified(struct mf_context *ctx, const char *path, int fd, struct mf_local *local)
{
	_cleanup_free_ char *label = NULL;
	uint8_t digest[MF_SHA256_LEN];
	struct stat st;
	int r = fstat(fd, &st) < 0 ? -errno : read_label(fd, &label);

	if (!r)
		r = mf_sha256_fd(fd, digest);
	local->id = MF_LOCAL_MEDIUM;
	local->signed_packages = true;
	if (!r && !local->directory) {
		local->directory = strdup("/");
		r = local->directory ? 0 : -ENOMEM;
	}
	if (!r)
		r = local_append(local, strdup(path + 1), (uint64_t)st.st_size, digest);
	return r < 0 ? mf_fail(ctx, MF_STAGE_MEDIA, r, path,
			       r == -MFE_BAD_PACKAGE ? "not a complete rpm package" : NULL)
		     : 0;
}

/* ---- as a repository ---- */

/* The OpenPGP keyrings that any repository may use. */
static int list_keyrings(struct mf_context *ctx, struct mf_strings *names)
{
	_cleanup_close_ int fd = mf_context_open(ctx, KEY_DIRECTORY, O_RDONLY | O_DIRECTORY);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : mf_opendir(fd);
	struct dirent *e;
	int r = 0;

	while (!r && dir && (e = readdir(dir)))
		if (*e->d_name != '.' &&
		    (mf_ends_with(e->d_name, ".asc") || mf_ends_with(e->d_name, ".gpg")))
			r = mf_strings_add(names, e->d_name);
	mf_strings_sort(names);
	return r;
}

static int local_as_repo(struct mf_context *ctx, const struct mf_local *local,
			 const struct mf_repos *others, struct mf_repo *ret_repo)
{
	_cleanup_free_ char *url = mf_file_url(local->directory);
	struct mf_repo repo = {
		.id = strdup(local->id),
		.name = strdup(local->id),
		.enabled = true,
		.gpgcheck = local->signed_packages,
		.scriptlets = mf_repos_have_scriptlets(others),
		/* it was installed before, or the admin names this very file */
		.prefer = !is_of_medium(local),
		.priority = MF_REPO_PRIORITY,
		.cost = MF_REPO_COST,
		.trust = MF_TRUST_NONE,
	};
	int r = url && repo.id && repo.name ? mf_strings_add(&repo.baseurls, url) : -ENOMEM;

	if (!r && local->signed_packages)
		r = list_keyrings(ctx, &repo.keys);
	if (!r && local->signed_packages && !repo.keys.n)
		r = mf_fail(ctx, MF_STAGE_VERIFY, -MFE_NO_KEYS, "/" KEY_DIRECTORY,
			    "there is no OpenPGP key (.asc, .gpg) that could have signed a package "
			    "file; put the package into a repository, or its key there");
	if (r < 0) {
		mf_repo_done(&repo);
		return r == -ENOMEM ? mf_fail(ctx, MF_STAGE_RESOLVE, r, local->id, NULL) : r;
	}
	*ret_repo = repo;
	return 0;
}

int mf_local_medium_repo(struct mf_context *ctx, struct mf_repo *ret_repo)
{
	const struct mf_local local = { .id = MF_LOCAL_MEDIUM,
					.directory = (char *)"/",
					.signed_packages = true };

	return local_as_repo(ctx, &local, &(const struct mf_repos){ 0 }, ret_repo);
}

size_t mf_locals_sets(const struct mf_local *locals, size_t n)
{
	size_t sets = 0;

	for (size_t i = 0; i < n; i++)
		sets += !locals[i].repository;
	return sets;
}

static const struct mf_local *find_medium_of(const struct mf_local *locals, size_t n,
					     const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (locals[i].repository && !strcmp(locals[i].repository, id))
			return &locals[i];
	return NULL;
}

/* A configured repository in a run from a medium: its packages come from there or not at all. */
static int move_to_medium(struct mf_repo *repo, const struct mf_local *medium)
{
	_cleanup_free_ char *url = medium ? mf_file_url(medium->directory) : NULL;

	if (!medium) {
		repo->enabled = false;
		return 0;
	}
	mf_strings_done(&repo->baseurls);
	repo->only_names = &medium->names;
	repo->only_files = &medium->files;
	return url ? mf_strings_add(&repo->baseurls, url) : -ENOMEM;
}

/* In a run from a medium, for all configured repositories. 0 or -ENOMEM. */
static int move_all_to_media(const struct mf_local *locals, size_t n, struct mf_repos *repos)
{
	bool of_medium = false;
	int r = 0;

	for (size_t i = 0; i < n; i++)
		of_medium |= is_of_medium(&locals[i]);
	for (size_t i = 0; of_medium && !r && i < repos->n; i++)
		if (repos->v[i].enabled && *repos->v[i].id != '@')
			r = move_to_medium(&repos->v[i], find_medium_of(locals, n, repos->v[i].id));
	return r;
}

int mf_locals_as_repos(struct mf_context *ctx, const struct mf_local *locals, size_t n,
		       struct mf_repos *repos)
{
	struct mf_repo *v = reallocarray(repos->v, repos->n + n, sizeof(*v));
	int r = 0;

	if (!v)
		return mf_fail(ctx, MF_STAGE_MATCH, -ENOMEM, "catalog", NULL);
	repos->v = v;
	for (size_t i = 0; !r && i < n; i++) {
		if (locals[i].repository)
			continue;
		r = local_as_repo(ctx, &locals[i], repos, &v[repos->n]);
		repos->n += !r;
	}
	if (!r && move_all_to_media(locals, n, repos) < 0)
		r = mf_fail(ctx, MF_STAGE_MATCH, -ENOMEM, "catalog", NULL);
	return r;
}

struct adding {
	struct mf_pool *pool;
	int origin;
	struct mf_pool_file file;
};

static int on_package(void *arg, void *header)
{
	struct adding *a = arg;

	return mf_pool_add_header(a->pool, header, a->origin, &a->file);
}

static int local_add_to_pool(struct mf_context *ctx, const struct mf_local *local, int origin,
			     struct mf_pool *pool)
{
	for (size_t i = 0; i < local->n; i++) {
		const struct mf_local_file *file = &local->v[i];
		struct adding a = { pool, origin, { file->name, file->size, { 0 } } };
		_cleanup_free_ char *path = mf_format("%s/%s", local->directory, file->name);
		_cleanup_close_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -ENOMEM;
		int r = fd < 0 ? (path ? -errno : -ENOMEM) : 0;

		memcpy(a.file.sha256, file->sha256, sizeof(a.file.sha256));
		if (!r)
			r = mf_rpm_visit_package(fd, on_package, &a);
		if (r == -ENOMEM)
			return mf_fail(ctx, MF_STAGE_RESOLVE, r, file->name, NULL);
		/* a damaged copy is as good as none */
		if (r < 0)
			mf_log(ctx, MF_LOG_WARNING, "resolve: %s cannot be read and is left out",
			       path);
	}
	return 0;
}

int mf_locals_add_to_pool(struct mf_context *ctx, const struct mf_local *locals, size_t n,
			  int first, struct mf_pool *pool)
{
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		if (locals[i].repository)
			continue;
		if (!is_of_medium(&locals[i]))
			r = local_add_to_pool(ctx, &locals[i], first, pool);
		first++;
	}
	return r;
}

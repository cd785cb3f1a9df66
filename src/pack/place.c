/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Moves built packages into the repository's directories, and removes old ones.
 *
 * A package goes to <arch>/NAME-V-R.ARCH.rpm. If that file exists with other bytes, published
 * metadata may still describe it: the new package then goes to <arch>/<start of its fingerprint>/,
 * and no published file is overwritten. Packages that neither the new nor the previous metadata
 * list are removed, after the new ones are in place.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"
#include "model.h"

static int digest_at(int dirfd, const char *path, uint8_t ret_digest[MF_SHA256_LEN])
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : mf_sha256_fd(fd, ret_digest);
}

static bool same_bytes(int a_fd, const char *a, int b_fd, const char *b)
{
	uint8_t x[MF_SHA256_LEN], y[MF_SHA256_LEN];

	return !digest_at(a_fd, a, x) && !digest_at(b_fd, b, y) && !memcmp(x, y, sizeof(x));
}

static int place_make_directory(const struct pack *pack, const char *path)
{
	return mkdirat(pack->repo_fd, path, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

/* Moves FROM to TO (both below REPO); a file that is there already has the same bytes. */
static int move_package(const struct pack *pack, const char *from, const char *to)
{
	return renameat(pack->repo_fd, from, pack->repo_fd, to) < 0 ? -errno : 0;
}

static int place_one(struct pack *pack, struct pack_package *package)
{
	_cleanup_free_ char *name = pack_spec_rpm_name(package), *from = NULL, *to = NULL;
	_cleanup_free_ char *directory = NULL;
	struct stat st;
	int r;

	if (!name)
		return -ENOMEM;
	from = mf_format(".pack/work/rpms/%s/%s", package->arch, name);
	to = mf_format("%s/%s", package->arch, name);
	directory = mf_format("%s/%.12s", package->arch, package->fingerprint);
	if (!from || !to || !directory)
		return -ENOMEM;
	if (fstatat(pack->repo_fd, from, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	r = place_make_directory(pack, package->arch);
	if (r < 0)
		return r;
	if (!faccessat(pack->repo_fd, to, F_OK, 0) &&
	    !same_bytes(pack->repo_fd, from, pack->repo_fd, to)) {
		r = place_make_directory(pack, directory);
		if (r < 0)
			return r;
		free(to);
		to = mf_format("%s/%s", directory, name);
		if (!to)
			return -ENOMEM;
	}
	r = move_package(pack, from, to);
	if (r < 0)
		return r;
	package->href = MF_STEAL(to);
	package->rpm_size = (uint64_t)st.st_size;
	return 0;
}

int pack_place(struct pack *pack)
{
	for (size_t i = 0; i < pack->n_packages; i++) {
		struct pack_package *package = &pack->packages[i];
		int r;

		if (package->href)
			continue;
		r = place_one(pack, package);
		if (r < 0)
			return mf_fail(pack->ctx, MF_STAGE_PACK, r == -ENOENT ? -MFE_TOOL : r,
				       package->name,
				       r == -ENOENT ? "rpmbuild did not build it" : NULL);
	}
	return 0;
}

/*
 * Removes unlisted packages below DIRECTORY, and directories that are empty then. Files that cannot
 * be removed stay.
 */
static void prune_directory(const struct pack *pack, const char *directory, unsigned int depth,
			    const struct mf_strings *keep, const struct mf_strings *also)
{
	int fd = openat(pack->repo_fd, directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		_cleanup_free_ char *path = NULL;

		if (e->d_name[0] == '.' || !strcmp(e->d_name, "repodata"))
			continue;
		path = strcmp(directory, ".") ? mf_format("%s/%s", directory, e->d_name)
					      : strdup(e->d_name);
		if (!path)
			return;
		if (depth && e->d_type == DT_DIR) {
			prune_directory(pack, path, depth - 1, keep, also);
			(void)unlinkat(pack->repo_fd, path, AT_REMOVEDIR);
		} else if (mf_ends_with(path, ".rpm") && !mf_strings_sorted_has(keep, path) &&
			   !mf_strings_sorted_has(also, path)) {
			(void)unlinkat(pack->repo_fd, path, 0);
		}
	}
}

void pack_place_prune(struct pack *pack, const struct mf_strings *now,
		      const struct mf_strings *before)
{
	prune_directory(pack, ".", 2, now, before);
}

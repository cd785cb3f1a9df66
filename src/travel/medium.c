/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A driver medium on its disk: files that are written whole or not at all, and a record of them.
 *
 *	modfetch-medium 1
 *	state complete
 *	file 24580 6f1e…  drivers/x86_64/e1000e-kmp-amd64-6.1.0_56-6.1.0-56.x86_64.rpm
 *
 * The record says "incomplete" from before the first change until all files are on the disk, so a run
 * that was killed, or a stick that was pulled out, is known. The next run writes only what is missing,
 * and removes the files of the record that are not needed any more. Files that are not in the record are
 * never changed: the stick may have other content.
 *
 * A stick may have been made to harm: no link on it is followed, neither in a directory nor as a file,
 * and each path of the record has to stay below it.
 */
#include "medium.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/list.h"
#include "modfetch/strings.h"

#define FIRST_LINE   "modfetch-medium 1"
#define WHOLE_LINE   "state complete"
#define PARTLY_LINE  "state incomplete"
#define MANIFEST_MAX ((size_t)64 << 20)
#define FILES_MAX    20000
#define COPY_BYTES   (256 << 10)

static void files_done(struct travel_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		free(files->v[i].path);
	free(files->v);
	*files = (struct travel_files){ 0 };
}

void travel_medium_done(struct travel_medium *medium)
{
	files_done(&medium->old);
	files_done(&medium->now);
	free(medium->path);
	if (medium->path && medium->dirfd >= 0)
		close(medium->dirfd);
	*medium = (struct travel_medium){ .dirfd = -1 };
}

static int medium_fail(struct mf_context *ctx, const struct travel_medium *medium, int code,
		       const char *path)
{
	_cleanup_free_ char *whole = mf_format("%s/%s", medium->path, path);

	return mf_fail(ctx, MF_STAGE_LIST, code, whole ? whole : path, "%s%s",
		       mf_error_sentence(code),
		       code == -ELOOP	 ? "; a link is in its way, remove it"
		       : code == -ENOSPC ? "; use a larger medium, or make room on it"
					 : "");
}

/* ---- the record ---- */

static const struct travel_file *files_find(const struct travel_files *files, const char *path)
{
	for (size_t i = 0; i < files->n; i++)
		if (!strcmp(files->v[i].path, path))
			return &files->v[i];
	return NULL;
}

static int files_add(struct travel_files *files, const char *path, uint64_t size, const char *hex)
{
	char *copy = strdup(path);
	struct travel_file *file;

	if (!copy ||
	    mf_array_reserve(&files->v, &files->room, files->n + 1, sizeof(*files->v)) < 0) {
		free(copy);
		return -ENOMEM;
	}
	file = &files->v[files->n++];
	*file = (struct travel_file){ .path = copy, .size = size };
	snprintf(file->hex, sizeof(file->hex), "%s", hex);
	return 0;
}

/* May a file of the medium have this path? */
static bool path_is_valid(const char *path)
{
	/* at its top are the files of another kind */
	return mf_list_value_valid(MF_LIST_FIRMWARE, path) && strchr(path, '/');
}

static int on_record_line(void *arg, char *line)
{
	struct travel_medium *medium = arg;
	uint8_t digest[MF_SHA256_LEN];
	unsigned long long size;
	char hex[MF_SHA256_HEX];
	int at = 0;

	if (!strcmp(line, WHOLE_LINE))
		medium->was_whole = true;
	if (medium->old.n >= FILES_MAX ||
	    sscanf(line, "file %llu %64[0-9a-f] %n", &size, hex, &at) < 2 || !at ||
	    !mf_sha256_parse(hex, digest) || !path_is_valid(line + at))
		return 0;
	return files_add(&medium->old, line + at, size, hex);
}

static int open_file(const struct travel_medium *medium, const char *name)
{
	int fd = openat(medium->dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int read_record(struct mf_context *ctx, struct travel_medium *medium)
{
	_cleanup_close_ int fd = open_file(medium, TRAVEL_MANIFEST);
	int r;

	if (fd == -ENOENT)
		return 0;
	r = fd < 0 ? fd : mf_file_each_line(fd, MANIFEST_MAX, on_record_line, medium);
	return r < 0 ? medium_fail(ctx, medium, r, TRAVEL_MANIFEST) : 0;
}

static void put_files(FILE *f, const struct travel_files *files, const struct travel_files *without)
{
	for (size_t i = 0; i < files->n; i++)
		if (!without || !files_find(without, files->v[i].path))
			fprintf(f, "file %llu %s %s\n", (unsigned long long)files->v[i].size,
				files->v[i].hex, files->v[i].path);
}

static int write_record(struct mf_context *ctx, const struct travel_medium *medium, bool whole)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int r;

	if (!f)
		return medium_fail(ctx, medium, -ENOMEM, TRAVEL_MANIFEST);
	fprintf(f, FIRST_LINE "\n%s\n", whole ? WHOLE_LINE : PARTLY_LINE);
	put_files(f, &medium->now, NULL);
	if (!whole)
		put_files(f, &medium->old, &medium->now);
	r = fclose(f) ? -ENOMEM : mf_file_publish(medium->dirfd, TRAVEL_MANIFEST, 0644, text, len);
	return r < 0 ? medium_fail(ctx, medium, r, TRAVEL_MANIFEST) : 0;
}

/* ---- directories ---- */

/*
 * Opens the directory of PATH below the medium, and makes it if MAKE. RET_NAME: the last component. A
 * descriptor or -errno; -ELOOP: a link, or -ENOTDIR: a file is in the way.
 */
static int open_parent(const struct travel_medium *medium, const char *path, bool make,
		       const char **ret_name)
{
	int fd = fcntl(medium->dirfd, F_DUPFD_CLOEXEC, 3);

	for (const char *slash; fd >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
		_cleanup_free_ char *part = strndup(path, (size_t)(slash - path));
		_cleanup_close_ int parent = fd;

		if (!part)
			return -ENOMEM;
		if (make && mkdirat(parent, part, 0755) < 0 && errno != EEXIST)
			return -errno;
		fd = openat(parent, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	*ret_name = path;
	return fd < 0 ? -errno : fd;
}

int travel_medium_open(struct mf_context *ctx, const char *output, bool dry_run,
		       struct travel_medium *ret_medium)
{
	*ret_medium = (struct travel_medium){ .dirfd = -1 };
	if (!dry_run && mkdir(output, 0755) < 0 && errno != EEXIST)
		return mf_fail(ctx, MF_STAGE_LIST, -errno, output, NULL);
	ret_medium->path = realpath(output, NULL);
	if (!ret_medium->path && errno == ENOENT && dry_run)
		return 0;
	if (ret_medium->path)
		ret_medium->dirfd = open(ret_medium->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret_medium->dirfd < 0)
		return mf_fail(ctx, MF_STAGE_LIST, -errno, output, NULL);
	if (flock(ret_medium->dirfd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return mf_fail(ctx, MF_STAGE_LIST, -MFE_LOCKED, output,
			       "another run of modfetch fetch-for writes to it; try again when it "
			       "has ended");
	return read_record(ctx, ret_medium);
}

static bool files_are_below(const struct travel_files *files, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < files->n; i++)
		if (!strncmp(files->v[i].path, name, len) && files->v[i].path[len] == '/')
			return true;
	return false;
}

int travel_medium_check_name(struct mf_context *ctx, const struct travel_medium *medium,
			     const char *name)
{
	struct stat st;

	if (medium->dirfd < 0 || fstatat(medium->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (files_are_below(&medium->old, name) || files_are_below(&medium->now, name))
		return 0;
	return mf_fail(ctx, MF_STAGE_LIST, -EEXIST, name,
		       "%s has a file or directory of this name that modfetch fetch-for did not "
		       "make; move it, or choose another directory",
		       medium->path);
}

/* ---- files ---- */

/* Has the medium this file, whole? */
static bool medium_has(const struct travel_medium *medium, const struct travel_file *file)
{
	uint8_t digest[MF_SHA256_LEN];
	char hex[MF_SHA256_HEX];
	const char *name = NULL;
	_cleanup_close_ int dirfd = open_parent(medium, file->path, false, &name), fd = -1;
	struct stat st;

	if (dirfd < 0)
		return false;
	fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size != file->size || mf_sha256_fd(fd, digest) < 0)
		return false;
	mf_sha256_hex(digest, hex);
	return !strcmp(hex, file->hex);
}

int travel_medium_expect(struct mf_context *ctx, struct travel_medium *medium, const char *path,
			 uint64_t size, const uint8_t sha256[MF_SHA256_LEN])
{
	const struct travel_file *file = files_find(&medium->now, path);
	char hex[MF_SHA256_HEX];

	if (!path_is_valid(path))
		return mf_fail(ctx, MF_STAGE_LIST, -MFE_BAD_HREF, path,
			       "it cannot be the path of a file on a medium; report it to the "
			       "publisher of the repository");
	mf_sha256_hex(sha256, hex);
	if (!file) {
		if (files_add(&medium->now, path, size, hex) < 0)
			return mf_fail(ctx, MF_STAGE_LIST, -ENOMEM, path, NULL);
		file = &medium->now.v[medium->now.n - 1];
	}
	return medium->dirfd >= 0 && medium_has(medium, file);
}

int travel_medium_begin(struct mf_context *ctx, const struct travel_medium *medium)
{
	return write_record(ctx, medium, false);
}

static int copy_bytes(int from, int to, uint64_t *ret_size)
{
	_cleanup_free_ char *buf = malloc(COPY_BYTES);
	uint64_t at = 0;

	if (!buf)
		return -ENOMEM;
	for (;;) {
		ssize_t got = pread(from, buf, COPY_BYTES, (off_t)at);
		int r;

		if (got < 0)
			return -errno;
		if (!got)
			break;
		r = mf_file_write(to, buf, (size_t)got);
		if (r < 0)
			return r;
		at += (uint64_t)got;
	}
	*ret_size = at;
	return 0;
}

int travel_medium_write(struct mf_context *ctx, struct travel_medium *medium, const char *path,
			int fd)
{
	_cleanup_(mf_staged_done) struct mf_staged staged = MF_STAGED_INIT;
	const char *name = NULL;
	_cleanup_close_ int dirfd = open_parent(medium, path, true, &name);
	uint64_t size = 0;
	int r = dirfd < 0 ? dirfd : mf_staged_init(&staged, dirfd, name, 0644);

	if (!r)
		r = copy_bytes(fd, staged.fd, &size);
	/* travel_medium_finish() syncs all of them at once */
	if (!r)
		r = mf_staged_publish_volatile(&staged);
	if (r < 0)
		return medium_fail(ctx, medium, r, path);
	medium->written++;
	medium->written_bytes += size;
	return 0;
}

static int medium_remove(const struct travel_medium *medium, const char *path)
{
	const char *name = NULL;
	_cleanup_close_ int dirfd = open_parent(medium, path, false, &name);

	if (dirfd < 0)
		return dirfd == -ENOENT ? 0 : dirfd;
	return unlinkat(dirfd, name, 0) < 0 && errno != ENOENT ? -errno : 1;
}

/* Removes what a killed run has left beside PATH, under the name of mf_staged_init(). */
static void remove_partial(const struct travel_medium *medium, const char *path)
{
	const char *name = NULL;
	_cleanup_close_ int dirfd = open_parent(medium, path, false, &name);
	_cleanup_closedir_ DIR *dir = dirfd < 0 ? NULL : mf_opendir(dirfd);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] == '.' && mf_ends_with(e->d_name, ".partial"))
			(void)unlinkat(dirfd, e->d_name, 0);
}

static bool same_directory(const char *a, const char *b)
{
	size_t len = (size_t)(strrchr(a, '/') - a);

	return (size_t)(strrchr(b, '/') - b) == len && !strncmp(a, b, len);
}

static void remove_partials(const struct travel_medium *medium)
{
	for (size_t i = 0; i < medium->now.n; i++)
		if (!i || !same_directory(medium->now.v[i - 1].path, medium->now.v[i].path))
			remove_partial(medium, medium->now.v[i].path);
}

int travel_medium_finish(struct mf_context *ctx, struct travel_medium *medium)
{
	for (size_t i = 0; i < medium->old.n; i++) {
		const char *path = medium->old.v[i].path;
		int r = files_find(&medium->now, path) ? 0 : medium_remove(medium, path);

		if (r < 0)
			return medium_fail(ctx, medium, r, path);
		medium->removed += r > 0;
	}
	remove_partials(medium);
	if (syncfs(medium->dirfd) < 0)
		return medium_fail(ctx, medium, -errno, "");
	return write_record(ctx, medium, true);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A digest of a source: it changes when a build may have another result, and not when times change.
 * It is the sum (mf_sha256_sum) of one digest for each entry:
 *
 *	SHA-256 of "TYPE MODE PATH" NUL, then the SHA-256 of the file's content, or the target of the link
 *
 * with TYPE f, d or l, MODE the permissions in octal digits and PATH below the source. A sum, as
 * the order of entries says nothing. Other kinds of files (pipes, devices) count with their type
 * alone.
 *
 * The tree is not trusted. Entries are opened by name below the descriptor of their directory, and
 * links are not followed; only the source itself may be reached by a link (/var/lib/dkms). The
 * numbers of entries and bytes and the depth are bounded: directories wait in a list instead of a
 * call within a call.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/file.h"
#include "modfetch/source.h"

#define ENTRIES_MAX 100000
#define BYTES_MAX   ((uint64_t)4 << 30)
#define DEPTH_MAX   32

struct digester {
	struct mf_strings waiting; /* directories below the source, "" is itself */
	uint8_t sum[MF_SHA256_LEN];
	size_t entries;
	uint64_t bytes;
};

static size_t depth_of(const char *path)
{
	size_t n = *path != '\0';

	for (; *path; path++)
		n += *path == '/';
	return n;
}

/* Adds the digest of one entry, whose content has the digest CONTENT or is the text TARGET. */
static int entry_add(struct digester *d, const char *path, mode_t mode, const uint8_t *content,
		     size_t len)
{
	char type = S_ISREG(mode) ? 'f' : S_ISDIR(mode) ? 'd' : S_ISLNK(mode) ? 'l' : 'o';
	_cleanup_free_ char *head = mf_format("%c %o %s", type, (unsigned int)(mode & 07777), path),
			    *all = NULL;
	uint8_t digest[MF_SHA256_LEN];
	size_t n = head ? strlen(head) + 1 : 0;
	int r;

	all = head ? malloc(n + len) : NULL;
	if (!all)
		return -ENOMEM;
	memcpy(all, head, n);
	if (len)
		memcpy(all + n, content, len);
	r = mf_sha256(all, n + len, digest);
	if (r == 0)
		mf_sha256_sum(d->sum, digest);
	return r;
}

static int file_add(struct digester *d, int dirfd, const char *name, const char *path,
		    const struct stat *st)
{
	_cleanup_close_ int fd =
		openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	uint8_t digest[MF_SHA256_LEN];
	struct stat opened;
	int r;

	if (fd < 0 || fstat(fd, &opened) < 0)
		return -errno;
	if (!S_ISREG(opened.st_mode))
		return -ESTALE;
	d->bytes += (uint64_t)opened.st_size;
	if (d->bytes > BYTES_MAX)
		return -MFE_TOO_LARGE;
	r = mf_sha256_fd(fd, digest);
	return r < 0 ? r : entry_add(d, path, st->st_mode, digest, sizeof(digest));
}

static int link_add(struct digester *d, int dirfd, const char *name, const char *path,
		    const struct stat *st)
{
	char target[4096];
	ssize_t n = readlinkat(dirfd, name, target, sizeof(target));

	if (n < 0)
		return -errno;
	return entry_add(d, path, st->st_mode, (const uint8_t *)target, (size_t)n);
}

static int one_add(struct digester *d, int dirfd, const char *directory, const char *name)
{
	_cleanup_free_ char *path = *directory ? mf_format("%s/%s", directory, name) : strdup(name);
	struct stat st;
	int r;

	if (!path)
		return -ENOMEM;
	if (++d->entries > ENTRIES_MAX || depth_of(path) > DEPTH_MAX)
		return -MFE_TOO_LARGE;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		return file_add(d, dirfd, name, path, &st);
	if (S_ISLNK(st.st_mode))
		return link_add(d, dirfd, name, path, &st);
	r = entry_add(d, path, st.st_mode, NULL, 0);
	return r == 0 && S_ISDIR(st.st_mode) ? mf_strings_add(&d->waiting, path) : r;
}

/* Opens a directory below the source, where no part of its path may be a link. */
static int directory_open(int source, const char *path)
{
	_cleanup_close_ int fd = openat(source, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	while (fd >= 0 && *path) {
		size_t len = strcspn(path, "/");
		_cleanup_free_ char *name = strndup(path, len);
		int next = name ? openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
				: -1;

		if (!name)
			return -ENOMEM;
		if (next < 0)
			return -errno;
		close(fd);
		fd = next;
		path += len;
		path += *path == '/';
	}
	return fd < 0 ? -errno : mf_steal_fd(&fd);
}

static int directory_add(struct digester *d, int source, const char *path)
{
	_cleanup_close_ int fd = directory_open(source, path);
	_cleanup_closedir_ DIR *dir = fd >= 0 ? mf_opendir(fd) : NULL;
	const struct dirent *entry;
	int r = 0;

	if (!dir)
		return fd < 0 ? fd : -errno;
	while (r == 0 && (errno = 0, entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			r = one_add(d, fd, path, entry->d_name);
	return r == 0 && !entry ? -errno : r;
}

int mf_source_digest(struct mf_context *ctx, const struct mf_source *source,
		     uint8_t ret_digest[MF_SHA256_LEN])
{
	bool is_file = source->kind == MF_SOURCE_RPM;
	struct digester d = { 0 };
	_cleanup_close_ int fd =
		mf_context_open(ctx, source->path, is_file ? O_RDONLY : O_RDONLY | O_DIRECTORY);
	int r = fd;

	if (r >= 0 && is_file)
		r = mf_sha256_fd(fd, d.sum);
	else if (r >= 0)
		r = mf_strings_add(&d.waiting, "");
	for (size_t i = 0; r == 0 && i < d.waiting.n; i++)
		r = directory_add(&d, fd, d.waiting.v[i]);
	mf_strings_done(&d.waiting);
	if (r == -MFE_TOO_LARGE)
		return mf_fail(
			ctx, MF_STAGE_SOURCE, r, source->path,
			"a source has at most 100,000 entries, 32 directories deep, and 4 GiB");
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_SOURCE, r, source->path, NULL);
	memcpy(ret_digest, d.sum, sizeof(d.sum));
	return 0;
}

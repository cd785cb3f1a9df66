/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads whole files and publishes files.
 *
 * To publish is: write to a partial file, fsync, rename, fsync the directory. After a failure the
 * old file is unchanged, and the partial file is removed. The partial name is hidden and contains
 * the pid, so that two writers do not share it; a leftover of a crash is overwritten or harmless.
 */
#include "modfetch/file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"

#define PIECE ((size_t)64 << 10)

/* Reads a seekable file with pread(2), which does not move its position. */
static int file_read_all(int fd, bool seekable, size_t hint, size_t cap, char **ret_buf,
			 size_t *ret_len)
{
	_cleanup_free_ char *buf = NULL;
	/* one byte more than the file size, so that the read at the end needs no larger buffer */
	size_t len = 0, room = hint && hint <= cap ? hint + 1 : 4096;

	for (;;) {
		char *bigger = realloc(buf, room + 1);
		ssize_t got;

		if (!bigger)
			return -ENOMEM;
		buf = bigger;
		got = seekable ? pread(fd, buf + len, room - len, (off_t)len)
			       : read(fd, buf + len, room - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		len += (size_t)got;
		if (len > cap)
			return -EFBIG;
		if (len == room)
			room *= 2;
	}
	buf[len] = '\0';
	*ret_buf = MF_STEAL(buf);
	*ret_len = len;
	return 0;
}

int mf_file_read(int fd, size_t cap, char **ret_buf, size_t *ret_len)
{
	struct stat st;
	bool seekable;

	if (fstat(fd, &st) < 0)
		return -errno;
	seekable = S_ISREG(st.st_mode);
	return file_read_all(fd, seekable, seekable ? (size_t)st.st_size : 0, cap, ret_buf,
			     ret_len);
}

int mf_file_read_at(int dirfd, const char *name, size_t cap, char **ret_buf, size_t *ret_len)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : mf_file_read(fd, cap, ret_buf, ret_len);
}

/* Visits the lines that end within LEN bytes. RET_USED: how many bytes those are. */
static int visit_lines(char *buf, size_t len, mf_line_visit *visit, void *arg, size_t *ret_used)
{
	char *line = buf, *end;
	int r = 0;

	while (!r && (end = memchr(line, '\n', len - (size_t)(line - buf)))) {
		*end = '\0';
		r = visit(arg, line);
		line = end + 1;
	}
	*ret_used = (size_t)(line - buf);
	return r;
}

int mf_file_each_line(int fd, size_t cap, mf_line_visit *visit, void *arg)
{
	_cleanup_free_ char *buf = NULL;
	size_t room = 0, len = 0, used, total = 0;
	ssize_t got = 1;
	int r = 0;

	while (!r && got) {
		/* a byte more, for the end of a last line without a newline */
		if (len + 1 >= room && mf_array_reserve(&buf, &room, len + PIECE + 1, 1) < 0)
			return -ENOMEM;
		got = pread(fd, buf + len, room - len - 1, (off_t)total);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		total += (size_t)got;
		if (total > cap)
			return -EFBIG;
		len += (size_t)got;
		if (!got && len)
			buf[len++] = '\n';
		r = visit_lines(buf, len, visit, arg, &used);
		memmove(buf, buf + used, len - used);
		len -= used;
	}
	return r;
}

int mf_file_each_line_of(const struct mf_context *ctx, const char *path, size_t cap,
			 mf_line_visit *visit, void *arg)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_RDONLY | O_NOFOLLOW);

	return fd == -ENOENT ? 0 : fd < 0 ? fd : mf_file_each_line(fd, cap, visit, arg);
}

bool mf_file_equals(int fd, const void *buf, size_t len)
{
	const char *rest = buf;
	char piece[4096];
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) > 0 || (n < 0 && errno == EINTR)) {
		if (n < 0)
			continue;
		if ((size_t)n > len || memcmp(piece, rest, (size_t)n))
			return false;
		rest += n;
		len -= (size_t)n;
	}
	return !n && !len;
}

int mf_file_write(int fd, const void *buf, size_t len)
{
	const char *p = buf;

	while (len) {
		ssize_t put = write(fd, p, len);

		if (put < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p += put;
		len -= (size_t)put;
	}
	return 0;
}

int mf_staged_init(struct mf_staged *ret_staged, int dirfd, const char *name, unsigned int mode)
{
	_cleanup_free_ char *copy = strdup(name);
	_cleanup_free_ char *partial = mf_format(".%s.%d.partial", name, getpid());
	int fd;

	if (!copy || !partial)
		return -ENOMEM;
	(void)unlinkat(dirfd, partial, 0);
	fd = openat(dirfd, partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	/* the requested mode, independent of the umask */
	if (fchmod(fd, mode) < 0) {
		int r = -errno;

		close(fd);
		(void)unlinkat(dirfd, partial, 0);
		return r;
	}
	*ret_staged = (struct mf_staged){ dirfd, fd, MF_STEAL(partial), MF_STEAL(copy) };
	return 0;
}

static int staged_publish(struct mf_staged *staged, bool sync)
{
	int fd = mf_steal_fd(&staged->fd);

	if (sync && fsync(fd) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	if (close(fd) < 0)
		return -errno;
	if (renameat(staged->dirfd, staged->partial, staged->dirfd, staged->name) < 0)
		return -errno;
	free(MF_STEAL(staged->partial));
	return sync && fsync(staged->dirfd) < 0 ? -errno : 0;
}

int mf_staged_publish(struct mf_staged *staged)
{
	return staged_publish(staged, true);
}

int mf_staged_publish_volatile(struct mf_staged *staged)
{
	return staged_publish(staged, false);
}

void mf_staged_done(struct mf_staged *staged)
{
	if (staged->fd >= 0)
		close(staged->fd);
	if (staged->partial)
		(void)unlinkat(staged->dirfd, staged->partial, 0);
	free(staged->partial);
	free(staged->name);
	*staged = (struct mf_staged)MF_STAGED_INIT;
}

int mf_file_publish(int dirfd, const char *name, unsigned int mode, const void *buf, size_t len)
{
	_cleanup_(mf_staged_done) struct mf_staged staged = MF_STAGED_INIT;
	int r;

	r = mf_staged_init(&staged, dirfd, name, mode);
	if (r < 0)
		return r;
	r = mf_file_write(staged.fd, buf, len);
	if (r < 0)
		return r;
	return mf_staged_publish(&staged);
}

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

int mf_memfile_new(const char *label)
{
	int fd = memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	return fd < 0 ? -errno : fd;
}

int mf_memfile_seal(int fd)
{
	/* the kernel returns EBUSY while it still uses a page of the file, as under load: retry */
	for (int tries = 0; fcntl(fd, F_ADD_SEALS, ALL_SEALS) < 0; tries++) {
		if (errno != EBUSY || tries == 20)
			return -errno;
		usleep(1000);
	}
	return lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

bool mf_memfile_is_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & ALL_SEALS) == ALL_SEALS;
}

DIR *mf_opendir(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0) {
		error = errno;
		close(fd);
		errno = error;
	}
	return dir;
}

bool mf_context_exists(const struct mf_context *ctx, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_PATH);

	return fd >= 0;
}

bool mf_context_has_entries(const struct mf_context *ctx, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_RDONLY | O_DIRECTORY);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : mf_opendir(fd);
	const struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (*e->d_name != '.')
			return true;
	return false;
}

static int remove_children(int fd)
{
	_cleanup_closedir_ DIR *dir = mf_opendir(fd);
	struct dirent *e;

	if (!dir)
		return -errno;
	while ((errno = 0, e = readdir(dir))) {
		int r;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		r = mf_tree_remove(fd, e->d_name);
		if (r < 0)
			return r;
	}
	return errno ? -errno : 0;
}

int mf_tree_remove(int dirfd, const char *name)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (!unlinkat(dirfd, name, 0) || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = remove_children(fd);
	if (r < 0)
		return r;
	return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

uint64_t mf_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

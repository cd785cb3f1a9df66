/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of libsolv: files that are given to it.
 *
 * libsolv trusts a .solv file as it trusts its own memory. So each of ours ends in a hash of all
 * before (struct mf_solv_end), and a file without the right one is not read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/table.h"
#include "solv-private.h"

#define STREAM_BUFFER ((size_t)128 << 10)

/* A stream over a copy of FD from its start, so that closing it leaves FD alone. */
FILE *mf_solv_stream(int fd, const char *mode)
{
	int copy = dup(fd);
	FILE *f;

	if (copy < 0)
		return NULL;
	if (lseek(copy, 0, SEEK_SET) < 0 || !(f = fdopen(copy, mode))) {
		close(copy);
		return NULL;
	}
	return f;
}

Repo *mf_solv_new_repo(struct mf_pool *pool, int origin, int priority)
{
	Repo *repo = repo_create(pool->pool, "repository");

	repo->appdata = (void *)(intptr_t)origin;
	/* libsolv: the higher wins */
	repo->priority = -priority;
	return repo;
}

void mf_solv_end_of(const void *buf, size_t len, struct mf_solv_end *ret_end)
{
	*ret_end =
		(struct mf_solv_end){ .mark = "modfetch packages end", .hash = mf_hash(buf, len) };
}

int mf_solv_write_sealed(int fd, const char *text, size_t len)
{
	struct mf_solv_end end;
	int r = lseek(fd, 0, SEEK_SET) < 0 ? -errno : mf_file_write(fd, text, len);

	mf_solv_end_of(text, len, &end);
	return r < 0 ? r : mf_file_write(fd, &end, sizeof(end));
}

void mf_solv_unmap(char *map, size_t len)
{
	munmap(map, len + sizeof(struct mf_solv_end));
}

char *mf_solv_map_sealed(int fd, size_t *ret_len)
{
	struct mf_solv_end end;
	struct stat st;
	size_t len;
	char *map;

	if (fstat(fd, &st) < 0 || st.st_size <= (off_t)sizeof(end))
		return NULL;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (map == MAP_FAILED)
		return NULL;
	len = (size_t)st.st_size - sizeof(end);
	mf_solv_end_of(map, len, &end);
	if (memcmp(&end, map + len, sizeof(end))) {
		mf_solv_unmap(map, len);
		return NULL;
	}
	*ret_len = len;
	return map;
}

/* A cache has megabytes, and stdio would ask for them by pages. */
int mf_solv_read(Repo *repo, int fd)
{
	_cleanup_free_ char *buffer = malloc(STREAM_BUFFER);
	_cleanup_fclose_ FILE *f = mf_solv_stream(fd, "r");

	if (!f || !buffer)
		return f ? -ENOMEM : -errno;
	(void)setvbuf(f, buffer, _IOFBF, STREAM_BUFFER);
	return repo_add_solv(repo, f, 0) ? -EBADMSG : 0;
}

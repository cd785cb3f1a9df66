/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of libsolv: files that are given to it.
 *
 * libsolv trusts a .solv file as it trusts its own memory. So each of ours ends in a hash of all
 * before (struct mf_solv_end), and a file without the right one is not read. What a list for planning
 * has after that is ours: its numbers are compared with the file's length.
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

/* ---- a list for planning: see solv-plan.c ---- */

/* The last N things of SIZE before *LEFT, which is moved there; NULL: there is no room. */
static const void *take_back(const struct mf_solv_list *list, uint64_t *left, uint64_t n,
			     size_t size)
{
	if (*left < n * size)
		return NULL;
	*left -= n * size;
	return list->map + *left;
}

/* Where the provides of each package begin. False: the numbers do not fit. */
static bool find_starts(struct mf_solv_list *list, uint32_t n_provides)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < list->n; i++) {
		list->starts[i] = (uint32_t)n;
		n += list->packages[i].n_provides;
		if (list->packages[i].n_bundled > list->packages[i].n_provides || n > n_provides)
			return false;
	}
	list->starts[list->n] = (uint32_t)n;
	for (uint32_t i = 0; i < list->n_slots; i++)
		if (list->slots[i] > n_provides)
			return false;
	return n == n_provides;
}

/* Finds the pieces after the .solv file. 0, -EBADMSG: they do not fit, or -ENOMEM. */
static int lay_out(struct mf_solv_list *list)
{
	const struct mf_solv_list_foot *foot;
	uint64_t left = list->len;

	foot = left % 8 ? NULL : take_back(list, &left, 1, sizeof(*foot));
	if (!foot || !foot->n_slots || (foot->n_slots & (foot->n_slots - 1)) || foot->n_slots % 2 ||
	    !(list->slots = take_back(list, &left, foot->n_slots, sizeof(*list->slots))) ||
	    !(list->provides = take_back(list, &left, foot->n_provides, sizeof(mf_provide))) ||
	    !(list->packages = take_back(list, &left, foot->n_packages, sizeof(*list->packages))))
		return -EBADMSG;
	list->n = foot->n_packages;
	list->n_slots = foot->n_slots;
	list->starts = calloc((size_t)list->n + 1, sizeof(*list->starts));
	list->found = calloc((size_t)list->n + 1, sizeof(*list->found));
	list->holders = calloc((size_t)foot->n_provides + 1, sizeof(*list->holders));
	if (!list->starts || !list->found || !list->holders)
		return -ENOMEM;
	return find_starts(list, foot->n_provides) ? 0 : -EBADMSG;
}

void mf_solv_list_done(struct mf_solv_list *list)
{
	free(list->starts);
	free(list->found);
	free(list->holders);
	mf_solv_unmap(list->map, list->len);
}

/*
 * REPO has no package yet. A list without packages, which nearly every repository has, is not given to
 * libsolv: for each list it hashes all strings of the pool again.
 */
static int add_plan(struct mf_pool *pool, Repo *repo, int fd)
{
	struct mf_solv_list *lists = reallocarray(pool->lists, pool->n_lists + 1, sizeof(*lists)),
			    *list;
	int r;

	if (!lists)
		return -ENOMEM;
	pool->lists = lists;
	list = &lists[pool->n_lists];
	*list = (struct mf_solv_list){ 0 };
	list->map = mf_solv_map_sealed(fd, &list->len);
	if (!list->map)
		return -EBADMSG;
	r = lay_out(list);
	if (r < 0) {
		mf_solv_list_done(list);
		return r;
	}
	if (list->n)
		r = mf_solv_read(repo, fd);
	list->first = repo->start;
	if (!r && (uint32_t)repo->nsolvables != list->n)
		r = -EBADMSG;
	/* libsolv has its own copy, and this one would count as memory of the process */
	(void)madvise(list->map, (size_t)((const char *)list->packages - list->map), MADV_DONTNEED);
	if (r < 0 || !list->n)
		mf_solv_list_done(list);
	else
		pool->n_lists++;
	return r;
}

int mf_pool_add_plan(struct mf_pool *pool, int fd, int origin, int priority)
{
	return add_plan(pool, mf_solv_new_repo(pool, origin, priority), fd);
}

int mf_pool_add_installed_plan(struct mf_pool *pool, int fd)
{
	int r = add_plan(pool, pool->installed, fd);

	if (r < 0)
		repo_empty(pool->installed, 1);
	return r;
}

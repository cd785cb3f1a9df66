/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which kernels a package is for: REPO/.pack/"RELEASE FLAVOR[ SOURCE].list", see pack/state.c.
 *
 * A list has a line for each package that serves its kernel, also for those of another kernel that are
 * shared with it, so it says more than the name of a package. The path is what follows the third space.
 * A list with another name is not of a kernel (firmware). The page was made right after these lists, by
 * the same machine; a line that cannot be parsed is nevertheless an error, because the page would lack
 * a driver without saying so.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/release.h"
#include "model.h"

#define LIST_MAX    ((size_t)256 << 20)
#define LIST_HEAD   "modfetch-pack-state 2"
#define LIST_HEAD_1 "modfetch-pack-state 1" /* without the third word */
#define LIST_ENDING ".list"

/* The release that a list is for; new memory. NULL: of no kernel, or no memory. */
static char *release_of_list(const char *name)
{
	const char *space = strchr(name, ' ');
	_cleanup_free_ char *release = NULL;
	struct mf_release parsed;

	if (!space || !mf_ends_with(name, LIST_ENDING))
		return NULL;
	release = strndup(name, (size_t)(space - name));
	return release && !mf_release_parse(release, NULL, &parsed) ? MF_STEAL(release) : NULL;
}

static int compare_releases(const void *a, const void *b)
{
	return strverscmp(*(const char *const *)b, *(const char *const *)a);
}

static int find_kernels(int private_fd, struct mf_strings *lists, struct mf_strings *ret_kernels)
{
	_cleanup_closedir_ DIR *dir = mf_opendir(private_fd);
	struct dirent *e;

	if (!dir)
		return -errno;
	while ((errno = 0, e = readdir(dir))) {
		_cleanup_free_ char *release = release_of_list(e->d_name);
		int r = 0;

		if (!release)
			continue;
		r = mf_strings_add(lists, e->d_name);
		if (!r)
			r = mf_strings_add_unique(ret_kernels, release);
		if (r < 0)
			return r;
	}
	if (errno)
		return -errno;
	mf_strings_sort(lists);
	if (ret_kernels->n)
		qsort(ret_kernels->v, ret_kernels->n, sizeof(*ret_kernels->v), compare_releases);
	return 0;
}

struct list_reading {
	struct page_repo *repo;
	uint64_t kernel;
	int words; /* before the path; 0: the head comes first */
};

static int note_package(struct page_repo *repo, const char *href, uint64_t kernel)
{
	uint32_t *place;
	const char *key = mf_arena_copy(&repo->arena, href, strlen(href));
	int r = key ? mf_table_put(&repo->by_href, key, strlen(key), (uint32_t)repo->n_kernels_of,
				   &place)
		    : -ENOMEM;

	if (r < 0)
		return r;
	if (r == 1) {
		r = mf_array_reserve(&repo->kernels_of, &repo->room_kernels_of,
				     repo->n_kernels_of + 1, sizeof(*repo->kernels_of));
		if (r < 0)
			return r;
		repo->kernels_of[repo->n_kernels_of++] = 0;
	}
	repo->kernels_of[*place] |= kernel;
	return 0;
}

static int on_list_line(void *arg, char *line)
{
	struct list_reading *reading = arg;
	const char *href = line;

	if (!reading->words) {
		reading->words = !strcmp(line, LIST_HEAD) ? 3 : !strcmp(line, LIST_HEAD_1) ? 2 : 0;
		return reading->words ? 0 : -EBADMSG;
	}
	for (int i = 0; href && i < reading->words; i++) {
		href = strchr(href, ' ');
		href += href ? 1 : 0;
	}
	return href && *href ? note_package(reading->repo, href, reading->kernel) : -EBADMSG;
}

static int read_list(struct mf_context *ctx, int private_fd, const char *name,
		     struct page_repo *repo)
{
	_cleanup_close_ int fd = openat(private_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_free_ char *release = release_of_list(name);
	struct list_reading reading = { .repo = repo };
	int r = fd < 0 ? -errno : release ? 0 : -ENOMEM;

	for (size_t k = 0; !r && k < repo->kernels.n; k++)
		if (!strcmp(repo->kernels.v[k], release))
			reading.kernel = (uint64_t)1 << k;
	/* not one of the newest */
	if (!r && !reading.kernel)
		return 0;
	if (!r)
		r = mf_file_each_line(fd, LIST_MAX, on_list_line, &reading);
	return r < 0 ? mf_fail(ctx, MF_STAGE_PACK, r, name,
			       r == -EBADMSG
				       ? "the list of packages of a kernel is damaged; remove "
					 "it and pack that kernel again"
				       : NULL)
		     : 0;
}

int page_kernels_read(struct mf_context *ctx, int private_fd, struct page_repo *repo)
{
	_cleanup_(mf_strings_done) struct mf_strings lists = { 0 };
	int r = find_kernels(private_fd, &lists, &repo->kernels);

	if (r < 0)
		return mf_fail(ctx, MF_STAGE_PACK, r, ".pack", NULL);
	if (repo->kernels.n > PAGE_KERNELS_MAX)
		mf_log(ctx, MF_LOG_WARNING,
		       "pack: the page shows the newest %d of the %zu kernels in the repository",
		       PAGE_KERNELS_MAX, repo->kernels.n);
	for (; repo->kernels.n > PAGE_KERNELS_MAX; repo->kernels.n--) {
		free(repo->kernels.v[repo->kernels.n - 1]);
		repo->kernels.v[repo->kernels.n - 1] = NULL;
	}
	for (size_t i = 0; !r && i < lists.n; i++)
		r = read_list(ctx, private_fd, lists.v[i], repo);
	return r;
}

uint64_t page_kernels_of(const struct page_repo *repo, const char *href)
{
	const uint32_t *place = mf_table_get(&repo->by_href, href, strlen(href));

	return place ? repo->kernels_of[*place] : 0;
}

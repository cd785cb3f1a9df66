/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The directories that modfetch may remove.
 *
 * A package lists its files and seldom the directories that rpm creates for them; rpm leaves those
 * when the package is removed. But an empty directory may also belong to an admin or another
 * package manager and be needed. So each directory that a transaction creates is listed before it,
 * and only listed directories are removed. If the list is lost, empty directories stay.
 *
 * On disk: /var/lib/modfetch/directories, absolute paths, each followed by a NUL (a path may have
 * any other byte), sorted. /usr/lib is written as /lib: where both exist, they are the same.
 */
#include "directories.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"

#define DIRECTORY "var/lib/modfetch"
#define NAME	  "directories"
#define MAX	  (16U << 20)

int mf_directories_read(const struct mf_context *ctx, struct mf_strings *list)
{
	_cleanup_close_ int fd = mf_context_open(ctx, DIRECTORY "/" NAME, O_RDONLY | O_NOFOLLOW);
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = fd < 0 ? fd : mf_file_read(fd, MAX, &text, &len);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (const char *path = text; r >= 0 && path < text + len; path += strlen(path) + 1)
		if (*path == '/')
			r = mf_strings_add(list, path);
	return r;
}

static bool directories_is_directory(const struct mf_context *ctx, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_PATH | O_DIRECTORY | O_NOFOLLOW);

	return fd >= 0;
}

static int directories_write_list(struct mf_context *ctx, const struct mf_strings *list)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, DIRECTORY);
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *f;

	if (dirfd < 0)
		return dirfd;
	f = open_memstream(&text, &len);
	if (!f)
		return -ENOMEM;
	for (size_t i = 0; i < list->n; i++)
		if (!i || strcmp(list->v[i - 1], list->v[i]) != 0)
			fprintf(f, "%s%c", list->v[i], '\0');
	return fclose(f) ? -ENOMEM : mf_file_publish(dirfd, NAME, 0600, text, len);
}

static int directories_update(struct mf_context *ctx, const struct mf_strings *made)
{
	_cleanup_(mf_strings_done) struct mf_strings old = { 0 }, list = { 0 };
	int r = mf_directories_read(ctx, &old);

	for (size_t i = 0; !r && i < old.n; i++)
		if (directories_is_directory(ctx, old.v[i]))
			r = mf_strings_add(&list, old.v[i]);
	if (!r && list.n == old.n && (!made || !made->n))
		return 0;
	for (size_t i = 0; !r && made && i < made->n; i++)
		r = mf_strings_add(&list, mf_without_usr(made->v[i]));
	mf_strings_sort(&list);
	return r < 0 ? r : directories_write_list(ctx, &list);
}

int mf_directories_update(struct mf_context *ctx, const struct mf_strings *made)
{
	int r = directories_update(ctx, made);

	return r < 0 ? mf_fail(ctx, MF_STAGE_INSTALL, r, "/" DIRECTORY "/" NAME, NULL) : 0;
}

/* ---- removal ---- */

static bool directories_is_ours(const struct mf_strings *list, const char *path)
{
	return mf_strings_sorted_has(list, path);
}

int mf_directories_open_parent(const struct mf_context *ctx, const char *path,
			       const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *parent = slash ? strndup(path, (size_t)(slash - path)) : NULL;

	if (!parent)
		return slash ? -ENOMEM : -EINVAL;
	*ret_name = slash + 1;
	return mf_context_open(ctx, *parent ? parent : "/", O_RDONLY | O_DIRECTORY);
}

static int remove_empty(const struct mf_context *ctx, const char *path)
{
	const char *name;
	_cleanup_close_ int fd = mf_directories_open_parent(ctx, path, &name);

	if (fd < 0)
		return fd;
	return unlinkat(fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

/* /lib/modules/KVER stays, and so do /lib/firmware and similar directories. */
static bool is_below_top_directory(const char *path)
{
	int depth = 0;

	for (const char *p = path; *p; p++)
		depth += *p == '/';
	return depth > (mf_starts_with(path, "/lib/modules/") ? 3 : 2);
}

static void prune_parents(const struct mf_context *ctx, const struct mf_strings *list,
			  const char *path)
{
	_cleanup_free_ char *directory = strdup(mf_without_usr(path));
	char *slash;

	while (directory && (slash = strrchr(directory, '/'))) {
		int r;

		*slash = '\0';
		if (!is_below_top_directory(directory) || !directories_is_ours(list, directory))
			return;
		r = remove_empty(ctx, directory);
		/* rpm itself removes the directories that the package lists */
		if (r < 0 && r != -ENOENT)
			return;
	}
}

void mf_directories_prune(struct mf_context *ctx, const struct mf_strings *paths)
{
	_cleanup_(mf_strings_done) struct mf_strings list = { 0 };
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);

	if (!paths->n || mf_directories_read(ctx, &list) < 0 || !list.n)
		return;
	mf_strings_sort(&list);
	for (size_t i = 0; i < paths->n; i++)
		prune_parents(ctx, &list, paths->v[i]);
	(void)mf_directories_update(ctx, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes and removes a link.
 *
 * Its text is relative, "../../../K/updates/x.ko": so it is right below another root too, for depmod
 * and dracut as well. A link is ours if its text is exactly that of its entry; anything else in its
 * place belongs to others, and stays. The directories of weak-updates are removed only if they were
 * made here: a kernel's package may own them.
 */
#include "place.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/cleanup.h"

#define TOP "lib/modules"

char *links_place_path(const struct mf_link *link)
{
	return mf_kernel_path(link->kernel, link->path);
}

/* The text of the link. NULL: no memory. */
static char *place_text(const struct mf_link *link)
{
	const char *below = link->target + strlen("/" TOP "/");
	char ups[PATH_MAX] = "../";

	for (const char *c = link->path; *c; c++)
		if (*c == '/' && strlen(ups) + 4 < sizeof(ups))
			strcat(ups, "../");
	return mf_format("%s%s", ups, below);
}

/* Opens the directory of PATH below the root; *RET_NAME is the last component. */
static int place_open_parent(const struct mf_context *ctx, char *path, const char **ret_name)
{
	char *slash = strrchr(path, '/');

	*slash = '\0';
	*ret_name = slash + 1;
	return mf_context_open(ctx, path, O_RDONLY | O_DIRECTORY);
}

static bool place_has_text(int dirfd, const char *name, const char *text)
{
	char found[PATH_MAX];
	ssize_t len = readlinkat(dirfd, name, found, sizeof(found) - 1);

	if (len < 0)
		return false;
	found[len] = '\0';
	return !strcmp(found, text);
}

/* Is what the link leads to the module itself, a regular file? */
static bool leads_to_module(const struct mf_context *ctx, const struct mf_link *link)
{
	_cleanup_free_ char *path = links_place_path(link);
	_cleanup_close_ int fd = path ? mf_context_open(ctx, path, O_PATH) : -1;
	_cleanup_close_ int target = mf_context_open(ctx, link->target, O_PATH | O_NOFOLLOW);
	struct stat a, b;

	return fd >= 0 && target >= 0 && !fstat(fd, &a) && !fstat(target, &b) &&
	       S_ISREG(b.st_mode) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

enum links_place links_place_look(const struct mf_context *ctx, const struct mf_link *link)
{
	_cleanup_free_ char *path = links_place_path(link), *text = place_text(link);
	_cleanup_close_ int dirfd = -1;
	const char *name;
	struct stat st;

	if (!path || !text)
		return LINKS_OF_OTHERS;
	dirfd = place_open_parent(ctx, path, &name);
	if (dirfd < 0 || fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return LINKS_FREE;
	if (!S_ISLNK(st.st_mode) || !place_has_text(dirfd, name, text))
		return LINKS_OF_OTHERS;
	return leads_to_module(ctx, link) && mf_kernel_is_installed(ctx, link->kernel) ? LINKS_OURS
										       : LINKS_DEAD;
}

int links_place_missing(const struct mf_context *ctx, const struct mf_link *link,
			struct mf_strings *directories)
{
	_cleanup_free_ char *path = mf_format("%s/%s", link->kernel, link->path);
	char *slash = path ? strchr(path, '/') : NULL;
	int r = path ? 0 : -ENOMEM;

	while (!r && slash && (slash = strchr(slash + 1, '/'))) {
		_cleanup_free_ char *full = NULL;
		_cleanup_close_ int fd = -1;

		*slash = '\0';
		full = mf_format(TOP "/%s", path);
		if (!full)
			return -ENOMEM;
		fd = mf_context_open(ctx, full, O_PATH | O_DIRECTORY);
		if (fd == -ENOENT)
			r = mf_strings_add_unique(directories, path);
		*slash = '/';
	}
	return r;
}

int links_place_make(const struct mf_context *ctx, const struct mf_link *link)
{
	_cleanup_free_ char *path = links_place_path(link), *text = place_text(link);
	_cleanup_close_ int dirfd = -1;
	char *slash;

	if (!path || !text)
		return -ENOMEM;
	slash = strrchr(path, '/');
	*slash = '\0';
	dirfd = mf_context_mkdir(ctx, path);
	if (dirfd < 0)
		return dirfd;
	if (symlinkat(text, dirfd, slash + 1) < 0) {
		int r = -errno;

		return r == -EEXIST && place_has_text(dirfd, slash + 1, text) ? 0 : r;
	}
	if (leads_to_module(ctx, link))
		return fsync(dirfd) < 0 ? -errno : 0;
	/* a directory of the path is a link to elsewhere */
	(void)unlinkat(dirfd, slash + 1, 0);
	return -EXDEV;
}

/* Removes the directories of a path that were made for links, from the last on. */
static void place_prune(const struct mf_context *ctx, const struct mf_link *link,
			struct mf_strings *directories)
{
	_cleanup_free_ char *path = mf_format("%s/%s", link->kernel, link->path);
	char *slash;

	while (path && (slash = strrchr(path, '/'))) {
		_cleanup_free_ char *full = NULL;
		_cleanup_close_ int dirfd = -1;
		const char *name;
		size_t i = 0;

		*slash = '\0';
		while (i < directories->n && strcmp(directories->v[i], path) != 0)
			i++;
		full = i < directories->n ? mf_format(TOP "/%s", path) : NULL;
		if (!full)
			continue;
		dirfd = place_open_parent(ctx, full, &name);
		if (dirfd >= 0 && unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
			return;
		free(directories->v[i]);
		directories->v[i] = directories->v[--directories->n];
		directories->v[directories->n] = NULL;
	}
}

int links_place_remove(const struct mf_context *ctx, const struct mf_link *link,
		       struct mf_strings *directories)
{
	_cleanup_free_ char *path = links_place_path(link), *text = place_text(link);
	_cleanup_close_ int dirfd = -1;
	const char *name;

	if (!path || !text)
		return -ENOMEM;
	dirfd = place_open_parent(ctx, path, &name);
	if (dirfd >= 0 && place_has_text(dirfd, name, text) && unlinkat(dirfd, name, 0) < 0)
		return -errno;
	if (dirfd >= 0)
		(void)fsync(dirfd);
	place_prune(ctx, link, directories);
	return 0;
}

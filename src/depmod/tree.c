/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The directories of a run: the tree that is read, the one the indexes go to, and the lock on it.
 *
 * The lock is flock(2) on the directory itself: it leaves no file, and ends with the
 * process. Paths are taken as depmod takes them: -b and -o name directories of the running system.
 * Below another root (an image, which may come from anywhere) links and absolute paths are followed
 * inside that root alone: a link to /lib/modules/5.0/extra/x.ko means the image's own file,
 * whatever this machine has by that name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"
#include "tree.h"

#define INPUT_MAX ((size_t)64 << 20)

static int tree_fail(struct mf_context *ctx, int code, const char *what)
{
	return mf_fail(ctx, MF_STAGE_DEPMOD, code, what, NULL);
}

/* As mkdir -p. 0 or -errno. */
static int make_directories(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	for (char *p = copy; *p && (p = strchr(p + 1, '/'));) {
		*p = '\0';
		(void)mkdir(copy, 0755);
		*p = '/';
	}
	return mkdir(copy, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

/* As depmod does: links in it stay, a slash at the end does not. NULL: errno says why. */
static char *make_absolute(const char *path)
{
	_cleanup_free_ char *cwd = *path == '/' ? strdup("") : getcwd(NULL, 0), *absolute = NULL;

	absolute = cwd ? mf_format("%s%s%s", cwd, *cwd ? "/" : "", path) : NULL;
	for (size_t n = absolute ? strlen(absolute) : 0; n && absolute[n - 1] == '/'; n--)
		absolute[n - 1] = '\0';
	return MF_STEAL(absolute);
}

/* Opens PATH, the kernel's directory below BASE, or (ANY) the one below usr/lib. It, or -errno. */
static int open_kernel(const char *base, const char *kernel, const char *path, bool any)
{
	_cleanup_free_ char *other = NULL;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 || errno != ENOENT || !any)
		return fd < 0 ? -errno : fd;
	other = mf_format("%s/usr/lib/modules/%s", base, kernel);
	if (!other)
		return -ENOMEM;
	fd = open(other, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* MAKE: it may be missing; BASE is not NULL then. 0, or a code that is recorded. */
static int open_directory(struct mf_context *ctx, const struct dm_tree *tree, const char *moduledir,
			  const char *base, bool make, int *ret_fd, char **ret_name)
{
	_cleanup_free_ char *path = NULL, *absolute = NULL;
	int fd, r = make ? make_directories(base) : 0;

	if (r < 0)
		return tree_fail(ctx, r, base);
	absolute = base ? make_absolute(base) : strdup(ctx->root);
	if (!absolute)
		return tree_fail(ctx, -errno, base);
	path = mf_format("%s/%s/%s", absolute,
			 moduledir ? moduledir + strspn(moduledir, "/") : "lib/modules",
			 tree->kernel);
	if (!path)
		return tree_fail(ctx, -ENOMEM, base);
	r = make ? make_directories(path) : 0;
	if (r < 0)
		return tree_fail(ctx, r, path);
	fd = base ? open_kernel(absolute, tree->kernel, path, !moduledir)
		  : mf_context_open(ctx, path + strlen(absolute), O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return tree_fail(ctx, fd, path);
	/* in an image's own words, for what its configuration compares it with */
	*ret_name = strdup(base ? path : path + strlen(absolute));
	*ret_fd = fd;
	return *ret_name ? 0 : tree_fail(ctx, -ENOMEM, path);
}

int dm_tree_at(const struct dm_tree *tree, const char *path, bool followed, int flags)
{
	_cleanup_free_ char *whole = NULL;
	int fd;

	if (!tree->image || !followed) {
		/* in an image, what has become a link since is not followed */
		flags |= O_CLOEXEC | (tree->image ? O_NOFOLLOW : 0);
		fd = *path == '/' ? open(path, flags, 0) : openat(tree->fd, path, flags);
		return fd < 0 ? -errno : fd;
	}
	if (*path == '/')
		return mf_context_open(tree->image, path, flags);
	whole = mf_format("%s/%s", tree->dirname, path);
	if (!whole)
		return -ENOMEM;
	return mf_context_open(tree->image, whole, flags);
}

int64_t dm_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/*
 * A file system's clock ticks every few milliseconds, or seconds on old ones: what is changed twice
 * in one tick has the same time twice. The clock may have been set back in between.
 */
bool dm_is_racy(const struct dm_tree *tree, int64_t ctime, int64_t now)
{
	int64_t slack = ctime % 1000000000 ? 20000000 : 2000000000;
	int64_t first = now < tree->began ? now : tree->began;
	int64_t last = now < tree->began ? tree->began : now;

	return ctime >= first - slack && ctime <= last + slack;
}

int dm_tree_open(struct mf_context *ctx, const struct mf_depmod_options *options,
		 struct dm_tree *tree)
{
	_cleanup_free_ char *out_name = NULL;
	int r;

	tree->kernel = options->kernel ? options->kernel : ctx->kernel;
	r = mf_workers_new(mf_threads(), &tree->workers);
	if (r < 0)
		return tree_fail(ctx, r, "threads");
	tree->image = *ctx->root && !options->basedir ? ctx : NULL;
	r = open_directory(ctx, tree, options->moduledir, options->basedir, false, &tree->fd,
			   &tree->dirname);
	if (r < 0)
		return r;
	tree->began = dm_now();
	return open_directory(ctx, tree, options->moduledir,
			      options->outdir ? options->outdir : options->basedir,
			      options->outdir != NULL, &tree->out_fd, &out_name);
}

static int64_t ns(const struct timespec *ts)
{
	return (int64_t)ts->tv_sec * 1000000000 + ts->tv_nsec;
}

struct dm_numbers dm_numbers_of(const struct stat *st)
{
	return (struct dm_numbers){
		.size = (uint64_t)st->st_size,
		.inode = st->st_ino,
		.mtime = ns(&st->st_mtim),
		.ctime = ns(&st->st_ctim),
	};
}

bool dm_numbers_equal(const struct dm_numbers *a, const struct dm_numbers *b)
{
	return a->size == b->size && a->inode == b->inode && a->mtime == b->mtime &&
	       a->ctime == b->ctime;
}

int dm_tree_stat(const struct dm_tree *tree, const char *path, struct stat *ret_st)
{
	_cleanup_close_ int fd = dm_tree_at(tree, path, true, O_PATH);

	if (fd < 0)
		return fd;
	return fstat(fd, ret_st) < 0 ? -errno : 0;
}

int dm_tree_read(struct mf_context *ctx, const struct dm_tree *tree, const char *name,
		 struct dm_input *ret_input)
{
	_cleanup_close_ int fd = dm_tree_at(tree, name, true, O_RDONLY);
	int r = fd < 0 ? fd : mf_file_read(fd, INPUT_MAX, &ret_input->p, &ret_input->len);

	return r < 0 && r != -ENOENT ? tree_fail(ctx, r, name) : 0;
}

void dm_tree_report_missing(struct mf_context *ctx, const struct dm_tree *tree, const char *name,
			    const struct dm_input *input)
{
	if (!input->p)
		mf_log(ctx, MF_LOG_WARNING, "%s/%s: there is none", tree->dirname, name);
}

int dm_tree_lock(struct mf_context *ctx, const struct dm_tree *tree)
{
	uint64_t end = mf_now_us() + (uint64_t)ctx->settings.lock_timeout * 1000000;
	const struct timespec nap = { .tv_nsec = 2000000 };

	while (flock(tree->out_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return tree_fail(ctx, -errno, tree->dirname);
		if (mf_now_us() >= end)
			return tree_fail(ctx, -MFE_LOCKED, tree->dirname);
		nanosleep(&nap, NULL);
	}
	return 0;
}

void dm_tree_done(struct dm_tree *tree)
{
	if (tree->fd >= 0)
		close(tree->fd);
	if (tree->out_fd >= 0)
		close(tree->out_fd);
	free(tree->dirname);
	mf_workers_free(tree->workers);
	*tree = (struct dm_tree){ .fd = -1, .out_fd = -1 };
}

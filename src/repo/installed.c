/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is installed, read from the rpm database once a change of it.
 *
 * Decides whether the cache is of the database as it is: its name is the database's key, so there
 * is no moment at which a cache and its stamp disagree. A database that changed within the last
 * seconds is not cached: a further change within the same tick of the clock would leave its key as
 * it was. A cache that is damaged, or cannot be written (by who is not root, on a full disk), costs
 * time and nothing else.
 */
#include "installed.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "modfetch/cache-names.h"
#include "modfetch/cache.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/rpm.h"

#define DIRECTORY MF_CACHE_DIRECTORY "/.installed"
#define SETTLED	  3 /* seconds */

/* 0 where the cache had them. */
static int add_cached(struct mf_context *ctx, struct mf_pool *pool, const char *name)
{
	_cleanup_close_ int dirfd = mf_context_open(ctx, DIRECTORY, O_RDONLY | O_DIRECTORY);
	_cleanup_close_ int fd = dirfd < 0 ? -1 : openat(dirfd, name, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -ENOENT : mf_pool_add_installed_cache(pool, fd);
}

/* Caches of what the database was before go. */
static void drop_others(int dirfd, const char *name)
{
	_cleanup_closedir_ DIR *dir = mf_opendir(dirfd);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.' && strcmp(e->d_name, name))
			(void)unlinkat(dirfd, e->d_name, 0);
}

static int write_cache(struct mf_context *ctx, struct mf_pool *pool, const char *name)
{
	_cleanup_(mf_staged_done) struct mf_staged staged = MF_STAGED_INIT;
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, DIRECTORY);
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = dirfd < 0 ? dirfd : mf_pool_list(pool, MF_POOL_INSTALLED, &ids, &n);

	if (!r)
		r = mf_staged_init(&staged, dirfd, name, 0644);
	if (!r)
		r = mf_pool_write(pool, ids, n, staged.fd);
	if (!r)
		r = mf_staged_publish(&staged);
	if (!r)
		drop_others(dirfd, name);
	return r;
}

static int add_installed(void *arg, void *header)
{
	return mf_pool_add_installed(arg, header);
}

int mf_installed_add(struct mf_context *ctx, struct mf_pool *pool)
{
	struct mf_rpmdb db, after;
	char name[sizeof(db.key) + sizeof(".solv")];
	int r;

	mf_rpmdb_stat(ctx, &db);
	if (!db.exists)
		return 0;
	snprintf(name, sizeof(name), "%s.solv", db.key);
	if (!add_cached(ctx, pool, name))
		return 0;
	r = mf_rpm_each_installed(ctx, NULL, add_installed, pool);
	if (r == -EBADMSG)
		return mf_fail(ctx, MF_STAGE_RESOLVE, -MFE_INSTALL, "rpmdb",
			       "a package in it cannot be read");
	if (r < 0)
		return r;
	/* what was read is of no one state if the database changed meanwhile */
	mf_rpmdb_stat(ctx, &after);
	if (strcmp(db.key, after.key) || db.changed + SETTLED > time(NULL))
		return 0;
	r = write_cache(ctx, pool, name);
	if (r < 0)
		mf_log(ctx, MF_LOG_DEBUG, "resolve: the list of installed packages is not kept: %s",
		       mf_error_sentence(r));
	return 0;
}

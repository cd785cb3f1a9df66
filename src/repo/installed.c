/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is installed, read from the rpm database once a change of it.
 *
 * Decides whether the cache is of the database as it is: its name is the database's key, so there
 * is no moment at which a cache and its stamp disagree. A database that changed within the last
 * moments is not cached: a further change within the same tick of the clock would leave its key as
 * it was. A cache that is damaged, or cannot be written (by who is not root, on a full disk), costs
 * time and nothing else.
 *
 *	KEY.3.plan  for planning
 *	KEY.3.solv  all that the packages say, and the digests of their headers
 *
 * 2 is the number of this form: each package also has a mark for each kernel in whose module
 * directory it has files.
 *
 * If the database has changed, only the packages that are new in it are read. The others come from
 * the cache of what it was before, where the digests tell which ones are the same.
 */
#include "installed.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cache-names.h"
#include "modfetch/cache.h"
#include "modfetch/catalog.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/rpm.h"
#include "modfetch/strings.h"
#include "modfetch/table.h"
#include "driver-files.h"

#define DIRECTORY MF_CACHE_DIRECTORY "/.installed"
/* Milliseconds after which a change has another time: of a filesystem with whole seconds; of others. */
#define SETTLED_COARSE 3000
#define SETTLED_FINE   100

static const struct form {
	const char *ending;
	int (*add)(struct mf_pool *pool, int fd);
	int (*write)(struct mf_pool *pool, const int *ids, size_t n, int fd);
} forms[] = {
	[MF_INSTALLED_PLAN] = { ".3.plan", mf_pool_add_installed_plan,
				mf_pool_write_installed_plan },
	[MF_INSTALLED_WHOLE] = { ".3.solv", mf_pool_add_installed_cache, mf_pool_write },
};

struct cache_name {
	char text[sizeof((struct mf_rpmdb){ 0 }.key) + sizeof(".3.solv")];
};

static struct cache_name name_of(const struct mf_rpmdb *db, enum mf_installed_form form)
{
	struct cache_name name;

	snprintf(name.text, sizeof(name.text), "%s%s", db->key, forms[form].ending);
	return name;
}

static int open_directory(const struct mf_context *ctx)
{
	return mf_context_open(ctx, DIRECTORY, O_RDONLY | O_DIRECTORY);
}

/* 0 where the cache had them. */
static int add_cached(struct mf_pool *pool, int dirfd, enum mf_installed_form form,
		      const char *name)
{
	_cleanup_close_ int fd = dirfd < 0 ? -1 : openat(dirfd, name, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -ENOENT : forms[form].add(pool, fd);
}

/* ---- the database ---- */

struct reading {
	struct mf_pool *pool;
	struct mf_arena texts;
	struct mf_table before; /* by digest: places in ids, which an older cache had */
	int *ids;
	bool *still; /* of each: it is installed */
	size_t n;
};

static void reading_done(struct reading *reading)
{
	mf_table_done(&reading->before);
	mf_arena_done(&reading->texts);
	free(reading->ids);
	free(reading->still);
}

/* A cache of what the database was before, if there is one. */
static void add_older(int dirfd, struct mf_pool *pool)
{
	_cleanup_closedir_ DIR *dir = dirfd < 0 ? NULL : mf_opendir(dirfd);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (mf_ends_with(e->d_name, forms[MF_INSTALLED_WHOLE].ending) &&
		    !add_cached(pool, dirfd, MF_INSTALLED_WHOLE, e->d_name))
			return;
}

static int note_older(struct reading *reading)
{
	int r = mf_pool_list(reading->pool, MF_POOL_INSTALLED, &reading->ids, &reading->n);

	if (r < 0)
		return r;
	reading->still = calloc(reading->n + 1, sizeof(*reading->still));
	if (!reading->still)
		return -ENOMEM;
	for (size_t i = 0; r >= 0 && i < reading->n; i++) {
		const char *digest = mf_pool_header_digest(reading->pool, reading->ids[i]);
		char *copy;
		uint32_t *place;

		if (!digest)
			continue;
		copy = mf_arena_copy(&reading->texts, digest, strlen(digest));
		r = copy ? mf_table_put(&reading->before, copy, strlen(copy), (uint32_t)i, &place)
			 : -ENOMEM;
	}
	return r < 0 ? r : 0;
}

static bool is_known(void *arg, const char *digest)
{
	struct reading *reading = arg;
	const uint32_t *place = mf_table_get(&reading->before, digest, strlen(digest));

	if (place)
		reading->still[*place] = true;
	return place;
}

/*
 * A module on disk must have an owner: or the machine would be said to have all that a newer version of the
 * package provides.
 */
static int name_modules(struct mf_pool *pool, int id, void *header)
{
	_cleanup_(mf_rpm_header_done) struct mf_rpm_header h = { 0 };
	_cleanup_(mf_strings_done) struct mf_strings provides = { 0 };
	int r;

	if (mf_driver_names_modules(pool, id))
		return 0;
	r = mf_rpm_header(header, &h);
	for (size_t i = 0; !r && i < h.n_files; i++)
		if (!h.files[i].left_out && !h.files[i].ghost)
			r = mf_driver_files_note(&provides, h.files[i].path);
	for (size_t i = 0; !r && i < provides.n; i++)
		mf_pool_add_provide(pool, id, provides.v[i]);
	return r;
}

static int add_unknown(void *arg, void *header, const char *digest)
{
	_cleanup_(mf_strings_done) struct mf_strings kernels = { 0 };
	struct reading *reading = arg;
	int id, r = mf_pool_add_installed(reading->pool, header, &id);

	if (r < 0)
		return r;
	if (digest)
		mf_pool_set_header_digest(reading->pool, id, digest);
	r = mf_rpm_kernels(header, &kernels);
	for (size_t i = 0; !r && i < kernels.n; i++)
		mf_pool_mark_kernel(reading->pool, id, kernels.v[i]);
	if (!r && kernels.n)
		r = name_modules(reading->pool, id, header);
	return r;
}

static int read_database(struct mf_context *ctx, struct mf_pool *pool, int dirfd)
{
	_cleanup_(reading_done) struct reading reading = { .pool = pool };
	int r;

	add_older(dirfd, pool);
	r = note_older(&reading);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_RESOLVE, r, "rpmdb", NULL);
	r = mf_rpm_each_unknown(ctx, is_known, add_unknown, &reading);
	if (r == -EBADMSG)
		return mf_fail(ctx, MF_STAGE_RESOLVE, -MFE_INSTALL, "rpmdb",
			       "a package in it cannot be read");
	if (r == -ENOMEM)
		return mf_fail(ctx, MF_STAGE_RESOLVE, r, "rpmdb", NULL);
	for (size_t i = 0; i < reading.n; i++)
		if (!reading.still[i])
			mf_pool_forget_installed(pool, reading.ids[i]);
	return r;
}

/* ---- the cache ---- */

/* Milliseconds until another change of the database would have another key. */
static long long settles_in(const struct mf_rpmdb *db)
{
	long long wait = db->changed.tv_nsec ? SETTLED_FINE : SETTLED_COARSE;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	wait += (db->changed.tv_sec - now.tv_sec) * 1000LL +
		(db->changed.tv_nsec - now.tv_nsec) / 1000000;
	return wait > 0 ? wait : 0;
}

/* Caches of what the database was before go. */
static void drop_others(int dirfd, const char *key)
{
	_cleanup_closedir_ DIR *dir = mf_opendir(dirfd);
	size_t len = strlen(key);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.' && (strncmp(e->d_name, key, len) || e->d_name[len] != '.'))
			(void)unlinkat(dirfd, e->d_name, 0);
}

static int write_cache(struct mf_pool *pool, int dirfd, const struct form *form, const char *name)
{
	_cleanup_(mf_staged_done) struct mf_staged staged = MF_STAGED_INIT;
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = mf_pool_list(pool, MF_POOL_INSTALLED, &ids, &n);

	if (!r)
		r = mf_staged_init(&staged, dirfd, name, 0644);
	if (!r)
		r = form->write(pool, ids, n, staged.fd);
	return r < 0 ? r : mf_staged_publish(&staged);
}

static int write_caches(struct mf_context *ctx, struct mf_pool *pool, const struct mf_rpmdb *db)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, DIRECTORY);
	int r = dirfd < 0 ? dirfd : 0;

	for (enum mf_installed_form form = 0; !r && form < MF_ARRAY_SIZE(forms); form++)
		r = write_cache(pool, dirfd, &forms[form], name_of(db, form).text);
	if (!r)
		drop_others(dirfd, db->key);
	return r;
}

int mf_installed_add(struct mf_context *ctx, struct mf_pool *pool, enum mf_installed_form form)
{
	_cleanup_close_ int dirfd = -1;
	struct mf_rpmdb db, after;
	int r;

	mf_rpmdb_stat(ctx, &db);
	if (!db.exists)
		return 0;
	dirfd = open_directory(ctx);
	if (!add_cached(pool, dirfd, form, name_of(&db, form).text))
		return 0;
	r = read_database(ctx, pool, dirfd);
	if (r < 0)
		return r;
	/* what was read is of no one state if the database changed meanwhile */
	mf_rpmdb_stat(ctx, &after);
	if (strcmp(db.key, after.key) || settles_in(&db))
		return 0;
	r = write_caches(ctx, pool, &db);
	if (r < 0)
		mf_log(ctx, MF_LOG_DEBUG, "resolve: the list of installed packages is not kept: %s",
		       mf_error_sentence(r));
	return 0;
}

void mf_installed_refresh(struct mf_context *ctx)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);
	_cleanup_close_ int dirfd = open_directory(ctx);
	struct mf_pool *pool;
	struct mf_rpmdb db;
	long long wait;

	mf_rpmdb_stat(ctx, &db);
	if (!db.exists ||
	    (dirfd >= 0 && !faccessat(dirfd, name_of(&db, MF_INSTALLED_PLAN).text, F_OK, 0)))
		return;
	wait = settles_in(&db);
	if (wait > SETTLED_FINE || mf_pool_new(NULL, &pool) < 0)
		return;
	usleep((useconds_t)wait * 1000);
	(void)mf_installed_add(ctx, pool, MF_INSTALLED_PLAN);
	mf_pool_free(pool);
}

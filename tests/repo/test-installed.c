/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When the cache of installed packages counts, and when the rpm database is read. */
#include "tests/unit.h"
#include "tests/root.h"
#include <dirent.h>
#include "src/repo/installed.h"
#include "modfetch/catalog.h"
#include "modfetch/rpm.h"
#include "tests/primary.h"
#include "tests/rpms.h"

#define DB "var/lib/rpm/rpmdb.sqlite"

static const struct primary packages[] = {
	{ .name = "kept-kmp", .evr = "1-1", .provides = "kept-kmp kmod(kept.ko)" },
};

static const char *const endings[] = {
	[MF_INSTALLED_PLAN] = "3.plan", [MF_INSTALLED_WHOLE] = "3.solv"
};

/* Caches of that name, as if the database had been read before. */
static void keep(struct root *r, const char *key)
{
	struct mf_pool *pool = primary_pool(packages, N(packages));
	int id;

	mf_pool_ready(pool);
	id = primary_provider(pool, "kept-kmp", NULL);
	for (size_t i = 0; i < N(endings); i++) {
		char path[400];
		int fd;

		snprintf(path, sizeof(path), "var/cache/modfetch/.installed/%s.%s", key,
			 endings[i]);
		root_write(r, path, "");
		fd = openat(r->fd, path, O_RDWR | O_CLOEXEC);
		assert_int_equal((i == MF_INSTALLED_PLAN ? mf_pool_write_installed_plan
							 : mf_pool_write)(pool, &id, 1, fd),
				 0);
		close(fd);
	}
	mf_pool_free(pool);
}

static int added_in(struct root *r, enum mf_installed_form form, size_t *ret_n)
{
	struct mf_pool *pool;
	int *ids = NULL, result;

	assert_int_equal(mf_pool_new("x86_64", &pool), 0);
	result = mf_installed_add(&r->ctx, pool, form);
	mf_pool_ready(pool);
	assert_int_equal(mf_pool_list(pool, MF_POOL_INSTALLED, &ids, ret_n), 0);
	if (!result && *ret_n) {
		struct mf_package p;

		mf_pool_package(pool, ids[0], &p);
		assert_string_equal(p.name, "kept-kmp");
		assert_int_equal(p.origin, MF_POOL_INSTALLED);
		assert_true(primary_provider(pool, "kmod(kept.ko)", NULL) > 0);
	}
	free(ids);
	mf_pool_free(pool);
	return result;
}

/* In both forms. */
static int added(struct root *r, size_t *ret_n)
{
	size_t n;
	int result = added_in(r, MF_INSTALLED_WHOLE, &n);

	assert_int_equal(added_in(r, MF_INSTALLED_PLAN, ret_n), result);
	assert_int_equal(*ret_n, n);
	return result;
}

static void without_a_database_nothing_is_installed(void **state)
{
	size_t n;

	assert_int_equal(added(*state, &n), 0);
	assert_int_equal(n, 0);
	assert_false(root_has(*state, "var/cache/modfetch/.installed"));
}

static void a_cache_of_the_database_as_it_is_stands_for_it(void **state)
{
	struct root *r = *state;
	struct mf_rpmdb db;
	size_t n;

	/* no database librpm could read: who tries, fails */
	root_write(r, DB, "not a database, but a file");
	mf_rpmdb_stat(&r->ctx, &db);
	keep(r, db.key);
	assert_int_equal(added(r, &n), 0);
	assert_int_equal(n, 1);
}

static void a_cache_of_another_state_is_not_asked(void **state)
{
	struct root *r = *state;
	struct mf_rpmdb db;
	size_t n;

	root_write(r, DB, "not a database, but a file");
	mf_rpmdb_stat(&r->ctx, &db);
	keep(r, db.key);
	root_write(r, DB, "not a database, but another file");
	assert_int_equal(added(r, &n), -MFE_INSTALL);
}

static void a_damaged_cache_is_not_believed(void **state)
{
	struct root *r = *state;
	struct mf_rpmdb db;
	char path[400];
	size_t n;

	root_write(r, DB, "not a database, but a file");
	mf_rpmdb_stat(&r->ctx, &db);
	keep(r, db.key);
	for (size_t i = 0; i < N(endings); i++) {
		snprintf(path, sizeof(path), "%s/var/cache/modfetch/.installed/%s.%s", r->path,
			 db.key, endings[i]);
		assert_int_equal(truncate(path, 60), 0);
	}
	assert_int_equal(added(r, &n), -MFE_INSTALL);
}

/* ---- a real database ---- */

/* Installs one more package of that name and version, and waits until the cache may be written. */
static void install(struct root *r, const char *name, const char *version)
{
	char directory[] = "/tmp/modfetch-rpms.XXXXXX", nevra[64];
	struct rpm_spec spec = { .name = name, .version = version, .files = "" };
	struct mf_rpm_install item = { .nevra = nevra };

	assert_non_null(mkdtemp(directory));
	snprintf(nevra, sizeof(nevra), "%s-%s-1.x86_64", name, version);
	item.fd = rpm_build(directory, &spec);
	assert_int_equal(mf_rpm_transaction(&r->ctx, &item, 1, NULL), 0);
	assert_int_equal(mf_tree_remove(AT_FDCWD, directory), 0);
	close(item.fd);
}

/* The names and versions of what is installed, in order; in that form. */
static void expect_installed(struct root *r, enum mf_installed_form form, const char *expected)
{
	struct mf_pool *pool;
	char text[300] = "";
	int *ids;
	size_t n;

	assert_int_equal(mf_pool_new("x86_64", &pool), 0);
	assert_int_equal(mf_installed_add(&r->ctx, pool, form), 0);
	mf_pool_ready(pool);
	assert_int_equal(mf_pool_list(pool, MF_POOL_INSTALLED, &ids, &n), 0);
	for (size_t i = 0; i < n; i++) {
		struct mf_package p;

		mf_pool_package(pool, ids[i], &p);
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s-%s", p.name, p.evr);
	}
	assert_string_equal(text, expected);
	free(ids);
	mf_pool_free(pool);
}

static size_t count_caches(struct root *r)
{
	int fd = openat(r->fd, "var/cache/modfetch/.installed", O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	size_t n = 0;

	while (dir && (e = readdir(dir)))
		n += e->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

/* A cache of an earlier state, whose package "kept-kmp" has a header with that digest. */
static void keep_in_place_of(struct root *r, const char *digest)
{
	struct mf_pool *pool;
	size_t n;
	int *ids, fd, later;

	keep(r, "before");
	fd = openat(r->fd, "var/cache/modfetch/.installed/before.3.solv", O_RDWR | O_CLOEXEC);
	assert_int_equal(mf_pool_new("x86_64", &pool), 0);
	assert_int_equal(mf_pool_add_installed_cache(pool, fd), 0);
	assert_int_equal(mf_pool_list(pool, MF_POOL_INSTALLED, &ids, &n), 0);
	mf_pool_set_header_digest(pool, ids[0], digest);
	root_write(r, "var/cache/modfetch/.installed/later.3.solv", "");
	later = openat(r->fd, "var/cache/modfetch/.installed/later.3.solv", O_RDWR | O_CLOEXEC);
	assert_int_equal(mf_pool_write(pool, ids, n, later), 0);
	unlinkat(r->fd, "var/cache/modfetch/.installed/before.3.solv", 0);
	free(ids);
	close(fd);
	close(later);
	mf_pool_free(pool);
}

static int on_header(void *arg, void *header, const char *digest)
{
	snprintf(arg, 41, "%s", digest);
	return 0;
}

static bool none_is_known(void *arg, const char *digest)
{
	return false;
}

static void after_a_change_only_what_is_new_is_read(void **state)
{
	struct root *r = *state;
	char digest[41] = "";

	install(r, "one-kmp", "1");
	mf_installed_refresh(&r->ctx);
	assert_int_equal(count_caches(r), 2);
	expect_installed(r, MF_INSTALLED_PLAN, " one-kmp-1-1");
	install(r, "two-kmp", "1");
	install(r, "one-kmp", "2");
	mf_installed_refresh(&r->ctx);
	assert_int_equal(count_caches(r), 2);
	expect_installed(r, MF_INSTALLED_PLAN, " two-kmp-1-1 one-kmp-2-1");
	expect_installed(r, MF_INSTALLED_WHOLE, " two-kmp-1-1 one-kmp-2-1");
	assert_int_equal(mf_rpm_each_unknown(&r->ctx, none_is_known, on_header, digest), 0);
	/* what a cache has by that digest is believed */
	assert_int_equal(mf_tree_remove(r->fd, "var/cache/modfetch/.installed"), 0);
	keep_in_place_of(r, digest);
	expect_installed(r, MF_INSTALLED_WHOLE, " kept-kmp-1-1 two-kmp-1-1");
}

/* The database's time of change, in seconds from now. A test that waits is not as fast as the clock. */
static void set_changed(struct root *r, int seconds)
{
	struct timespec times[2];

	clock_gettime(CLOCK_REALTIME, &times[0]);
	times[0].tv_sec += seconds;
	times[1] = times[0];
	assert_int_equal(utimensat(r->fd, DB, times, 0), 0);
}

static void a_change_of_this_moment_is_not_cached(void **state)
{
	struct root *r = *state;

	install(r, "one-kmp", "1");
	set_changed(r, 3600);
	expect_installed(r, MF_INSTALLED_PLAN, " one-kmp-1-1");
	assert_int_equal(count_caches(r), 0);
	set_changed(r, -3600);
	usleep(120000); /* the time of the inode's change cannot be set */
	expect_installed(r, MF_INSTALLED_PLAN, " one-kmp-1-1");
	assert_int_equal(count_caches(r), 2);
}

static void every_change_of_the_database_has_another_key(void **state)
{
	struct root *r = *state;
	struct mf_rpmdb db, after;

	mf_rpmdb_stat(&r->ctx, &db);
	assert_false(db.exists);
	assert_string_equal(db.key, "");
	root_write(r, DB, "one");
	mf_rpmdb_stat(&r->ctx, &db);
	assert_true(db.exists);
	/* an empty log is left by a reader */
	root_write(r, DB "-wal", "");
	mf_rpmdb_stat(&r->ctx, &after);
	assert_string_equal(db.key, after.key);
	root_write(r, DB "-wal", "frames");
	mf_rpmdb_stat(&r->ctx, &after);
	assert_string_not_equal(db.key, after.key);
	unlinkat(r->fd, DB "-wal", 0);
	root_write(r, DB, "two");
	mf_rpmdb_stat(&r->ctx, &after);
	assert_string_not_equal(db.key, after.key);
	/* the newer directory goes before */
	root_write(r, "usr/lib/sysimage/rpm/rpmdb.sqlite", "three");
	db = after;
	mf_rpmdb_stat(&r->ctx, &after);
	assert_string_not_equal(db.key, after.key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(without_a_database_nothing_is_installed),
		ROOTED(a_cache_of_the_database_as_it_is_stands_for_it),
		ROOTED(a_cache_of_another_state_is_not_asked),
		ROOTED(a_damaged_cache_is_not_believed),
		ROOTED(after_a_change_only_what_is_new_is_read),
		ROOTED(a_change_of_this_moment_is_not_cached),
		ROOTED(every_change_of_the_database_has_another_key),
	};

	return UNIT_RUN(tests);
}

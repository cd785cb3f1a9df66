/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When the cache of installed packages counts, and when the rpm database is read. */
#include "tests/unit.h"
#include "tests/root.h"
#include "src/repo/installed.h"
#include "modfetch/rpm.h"
#include "tests/primary.h"

#define DB "var/lib/rpm/rpmdb.sqlite"

static const struct primary packages[] = {
	{ .name = "kept-kmp", .evr = "1-1", .provides = "kept-kmp kmod(kept.ko)" },
};

/* A cache of that name, as if the database had been read before. */
static void keep(struct root *r, const char *key)
{
	struct mf_pool *pool = primary_pool(packages, N(packages));
	char path[400];
	int id, fd;

	mf_pool_ready(pool);
	id = primary_provider(pool, "kept-kmp", NULL);
	snprintf(path, sizeof(path), "var/cache/modfetch/.installed/%s.solv", key);
	root_write(r, path, "");
	fd = openat(r->fd, path, O_RDWR | O_CLOEXEC);
	assert_int_equal(mf_pool_write(pool, &id, 1, fd), 0);
	close(fd);
	mf_pool_free(pool);
}

static int added(struct root *r, size_t *ret_n)
{
	struct mf_pool *pool;
	int *ids = NULL, result;

	assert_int_equal(mf_pool_new("x86_64", &pool), 0);
	result = mf_installed_add(&r->ctx, pool);
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
	snprintf(path, sizeof(path), "%s/var/cache/modfetch/.installed/%s.solv", r->path, db.key);
	assert_int_equal(truncate(path, 60), 0);
	assert_int_equal(added(r, &n), -MFE_INSTALL);
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
		ROOTED(every_change_of_the_database_has_another_key),
	};

	return UNIT_RUN(tests);
}

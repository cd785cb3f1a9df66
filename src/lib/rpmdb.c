/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds rpm's database without librpm, whose default depends on the distribution, or on $HOME.
 *
 * The setting decides. Else the first of these that has a database: the directory of %_dbpath in the
 * configuration of rpm, that of current SUSE and Fedora releases, the older one, that of ostree. Where no
 * database is yet, rpm will make one: in that of %_dbpath, or in the first of these directories that
 * exists. So there is never a second database beside the one of the package manager.
 *
 * librpm opens the database by a path, the root followed by the directory, and follows links: in an
 * image whose /var/lib/rpm is an absolute link it would open this machine's database. So this file
 * follows the links, inside the root, and librpm gets a path without links.
 *
 * Each form of database has one file that a transaction writes to (sqlite, ndb, bdb). sqlite may
 * have the latest changes in a separate log; an empty log does not count, since librpm leaves one
 * after each read. The inode's change time is compared too: it changes even if a tool sets the
 * modification time back.
 */
#include "modfetch/rpm.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"
#include "rpm-macros.h"

static const char *const directories[] = { "/usr/lib/sysimage/rpm", "/var/lib/rpm",
					   "/usr/share/rpm" };
/* A database's file, and librpm's name of what reads it: Berkeley DB is not written any more. */
static const struct {
	const char *name, *backend;
} files[] = { { "rpmdb.sqlite", "sqlite" }, { "Packages.db", "ndb" }, { "Packages", "bdb_ro" } };

/* Stats the file NAME with SUFFIX in DIRECTORY. False: it cannot be opened. */
static bool rpmdb_stat_file(const struct mf_context *ctx, const char *directory, const char *name,
			    const char *suffix, struct stat *ret_st)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;

	path = mf_format("%s/%s%s", directory, name, suffix);
	if (!path)
		return false;
	fd = mf_context_open(ctx, path, O_PATH);
	return fd >= 0 && !fstat(fd, ret_st);
}

/* The number in the table above of the database's file in that directory, or -1. */
static int find_file(const struct mf_context *ctx, const char *directory, struct stat *ret_st)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(files); i++)
		if (rpmdb_stat_file(ctx, directory, files[i].name, "", ret_st))
			return (int)i;
	return -1;
}

static bool has_database(const struct mf_context *ctx, const char *directory)
{
	struct stat st;

	return find_file(ctx, directory, &st) >= 0;
}

const char *mf_rpmdb_backend(const struct mf_context *ctx, const char *directory)
{
	struct stat st;
	int i = find_file(ctx, directory, &st);

	return i < 0 ? NULL : files[i].backend;
}

/* A directory of the table that has a database or, with EMPTY_TOO, that exists; or NULL. */
static const char *find_directory(const struct mf_context *ctx, bool empty_too)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(directories); i++) {
		_cleanup_close_ int fd = mf_context_open(ctx, directories[i], O_PATH | O_DIRECTORY);

		if (fd >= 0 && (empty_too || has_database(ctx, directories[i])))
			return directories[i];
	}
	return NULL;
}

/* By rpm's configuration, in new memory; some twenty files are read. NULL: it names none, or no memory. */
static char *configured_directory(const struct mf_context *ctx)
{
	struct mf_looked_up *known = ctx->looked_up;

	if (!known)
		return mf_rpm_macro_path(ctx, "_dbpath");
	if (!known->rpmdb_known)
		known->rpmdb = mf_rpm_macro_path(ctx, "_dbpath");
	known->rpmdb_known = true;
	return known->rpmdb ? strdup(known->rpmdb) : NULL;
}

/* In new memory; NULL: no memory. */
static char *choose_directory(const struct mf_context *ctx, bool *ret_there)
{
	const char *set = ctx->settings.rpmdb, *found;
	_cleanup_free_ char *configured = set ? NULL : configured_directory(ctx);

	*ret_there = set && has_database(ctx, set);
	if (set)
		return strdup(set);
	*ret_there = configured && has_database(ctx, configured);
	if (*ret_there)
		return MF_STEAL(configured);
	found = find_directory(ctx, false);
	*ret_there = found;
	if (found)
		return strdup(found);
	/* rpm makes a database where it is configured, or else where the distribution left room for it */
	if (configured)
		return MF_STEAL(configured);
	found = find_directory(ctx, true);
	return strdup(found ? found : "/var/lib/rpm");
}

char *mf_rpmdb_directory(const struct mf_context *ctx, bool make, bool *ret_there)
{
	_cleanup_free_ char *directory = choose_directory(ctx, ret_there);
	_cleanup_close_ int fd = !directory ? -ENOMEM
				 : make	    ? mf_context_mkdir(ctx, directory)
					    : mf_context_open(ctx, directory, O_PATH | O_DIRECTORY);
	char link[64], real[PATH_MAX];
	ssize_t len;

	if (fd < 0)
		return make ? NULL : MF_STEAL(directory);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, real, sizeof(real) - 1);
	if (len <= 0)
		return MF_STEAL(directory); /* without /proc libkmod cannot use an image either */
	real[len] = '\0';
	return mf_starts_with(real, ctx->root) && real[strlen(ctx->root)] == '/'
		       ? strdup(real + strlen(ctx->root))
		       : NULL;
}

static void add_to_key(struct mf_rpmdb *db, const struct stat *st)
{
	const struct timespec times[] = { st->st_mtim, st->st_ctim };
	size_t len = strlen(db->key);

	snprintf(db->key + len, sizeof(db->key) - len, "%s%llx-%llx-%llx-%lx-%llx-%lx",
		 len ? "-" : "", (unsigned long long)st->st_ino, (unsigned long long)st->st_size,
		 (unsigned long long)st->st_mtim.tv_sec, (unsigned long)st->st_mtim.tv_nsec,
		 (unsigned long long)st->st_ctim.tv_sec, (unsigned long)st->st_ctim.tv_nsec);
	for (size_t i = 0; i < MF_ARRAY_SIZE(times); i++)
		if (times[i].tv_sec > db->changed.tv_sec ||
		    (times[i].tv_sec == db->changed.tv_sec &&
		     times[i].tv_nsec > db->changed.tv_nsec))
			db->changed = times[i];
}

void mf_rpmdb_stat(const struct mf_context *ctx, struct mf_rpmdb *ret_db)
{
	bool there;
	_cleanup_free_ char *directory = choose_directory(ctx, &there);
	struct stat st;
	int file;

	*ret_db = (struct mf_rpmdb){ 0 };
	file = directory ? find_file(ctx, directory, &st) : -1;
	if (file < 0)
		return;
	ret_db->exists = true;
	add_to_key(ret_db, &st);
	if (rpmdb_stat_file(ctx, directory, files[file].name, "-wal", &st) && st.st_size)
		add_to_key(ret_db, &st);
}

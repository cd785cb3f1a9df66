/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds rpm's database without asking rpm, whose own default is the distribution's, or in $HOME.
 *
 * The setting decides; else the first of the directories of SUSE's and Fedora's time and of the time
 * before that has a database; else the older one, where one will be made.
 *
 * librpm opens by path, the root's name in front of the directory's, and follows what links it finds:
 * in an image whose /var/lib/rpm is an absolute link, the database would be this machine's. So the
 * links are followed here, inside the root, and librpm gets a path that has none.
 *
 * Every form of database is one file that a transaction writes to (sqlite, ndb, bdb); sqlite may
 * have the latest of it in a log beside, which counts unless it is empty: librpm leaves an empty
 * one behind whenever it has only looked. Times are the kernel's, of the inode: they move even
 * where a tool sets the modification time back.
 */
#include "modfetch/rpm.h"
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

static const char *const directories[] = { "/usr/lib/sysimage/rpm", "/var/lib/rpm" };
static const char *const files[] = { "rpmdb.sqlite", "Packages.db", "Packages" };

/* Looks at DIRECTORY/NAME and SUFFIX. */
static bool rpmdb_look_at(const struct mf_context *ctx, const char *directory, const char *name,
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

/* The database's file in that directory, or NULL. */
static const char *file_in(const struct mf_context *ctx, const char *directory, struct stat *ret_st)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(files); i++)
		if (rpmdb_look_at(ctx, directory, files[i], "", ret_st))
			return files[i];
	return NULL;
}

static bool has_database(const struct mf_context *ctx, const char *directory)
{
	struct stat st;

	return file_in(ctx, directory, &st);
}

static const char *choose(const struct mf_context *ctx, bool *ret_there)
{
	const char *set = ctx->settings.rpmdb;

	*ret_there = set && has_database(ctx, set);
	if (set)
		return set;
	for (size_t i = 0; i < MF_ARRAY_SIZE(directories); i++) {
		*ret_there = has_database(ctx, directories[i]);
		if (*ret_there)
			return directories[i];
	}
	return directories[1];
}

char *mf_rpmdb_directory(const struct mf_context *ctx, bool make, bool *ret_there)
{
	const char *directory = choose(ctx, ret_there);
	_cleanup_close_ int fd = make ? mf_context_mkdir(ctx, directory)
				      : mf_context_open(ctx, directory, O_PATH | O_DIRECTORY);
	char link[64], real[PATH_MAX];
	ssize_t len;

	if (fd < 0)
		return make ? NULL : strdup(directory);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, real, sizeof(real) - 1);
	if (len <= 0)
		return strdup(directory); /* without /proc there is no image to work on either */
	real[len] = '\0';
	return mf_starts_with(real, ctx->root) && real[strlen(ctx->root)] == '/'
		       ? strdup(real + strlen(ctx->root))
		       : NULL;
}

static void add_to_key(struct mf_rpmdb *db, const struct stat *st)
{
	size_t len = strlen(db->key);

	snprintf(db->key + len, sizeof(db->key) - len, "%s%llx-%llx-%llx-%lx-%llx-%lx",
		 len ? "-" : "", (unsigned long long)st->st_ino, (unsigned long long)st->st_size,
		 (unsigned long long)st->st_mtim.tv_sec, (unsigned long)st->st_mtim.tv_nsec,
		 (unsigned long long)st->st_ctim.tv_sec, (unsigned long)st->st_ctim.tv_nsec);
	if (st->st_mtime > db->changed)
		db->changed = st->st_mtime;
	if (st->st_ctime > db->changed)
		db->changed = st->st_ctime;
}

void mf_rpmdb_stat(const struct mf_context *ctx, struct mf_rpmdb *ret_db)
{
	bool there;
	const char *directory = choose(ctx, &there), *file;
	struct stat st;

	*ret_db = (struct mf_rpmdb){ 0 };
	file = file_in(ctx, directory, &st);
	if (!file)
		return;
	ret_db->exists = true;
	add_to_key(ret_db, &st);
	if (rpmdb_look_at(ctx, directory, file, "-wal", &st) && st.st_size)
		add_to_key(ret_db, &st);
}

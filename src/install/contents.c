/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checks where the paths of packages lead.
 *
 * rpm follows links among the directories of a path: it writes "/lib/modules/KVER/build/x.ko" to
 * the target of the link "build". A package could contain the link and a file through it, or two
 * packages could contain one each. All other checks of a package use the text of its paths. So both
 * must agree: each directory of a path must be a directory, or must not exist yet. One link is
 * known to be an alias, /lib of a machine with a merged /usr; paths are compared without "/usr"
 * before "/lib/".
 *
 * rpm sets owner and mode of a directory that a package lists, even if the directory exists
 * already. Packages list directories with owner root and mode 0755, which confine.c checks. If a
 * directory of the machine differs, an admin has decided that.
 *
 * owners.c checks links at the path of a package's file itself.
 */
#include "contents.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"
#include "modfetch/table.h"

struct contents {
	struct mf_context *ctx;
	const struct mf_rpm_header *const *headers;
	size_t n;
	struct mf_table owners; /* paths that are not directories; value: index of the package */
	char *checked;		/* the directory that passed the check last */
};

/* ---- among the packages ---- */

static int collect_files(struct contents *c)
{
	for (size_t i = 0; i < c->n; i++)
		for (size_t j = 0; j < c->headers[i]->n_files; j++) {
			const struct mf_rpm_file *file = &c->headers[i]->files[j];
			const char *path = mf_without_usr(file->path);
			uint32_t *place;

			if (!S_ISDIR(file->mode) &&
			    mf_table_put(&c->owners, path, strlen(path), (uint32_t)i, &place) < 0)
				return mf_fail(c->ctx, MF_STAGE_INSTALL, -ENOMEM, "contents", NULL);
		}
	return 0;
}

/* Is a component of PATH another package's file? For a directory also the last component. */
static int check_against_packages(struct contents *c, size_t package, const char *path,
				  bool directory)
{
	for (size_t len = 1; path[len - 1]; len++) {
		const uint32_t *by;

		if (path[len] ? path[len] != '/' : !directory)
			continue;
		by = mf_table_get(&c->owners, path, len);
		if (by)
			return mf_fail(c->ctx, MF_STAGE_INSTALL, -MFE_FORBIDDEN_FILE,
				       c->headers[package]->name,
				       "%s: %.*s is not a directory but a link or file of %s", path,
				       (int)len, path, c->headers[*by]->name);
	}
	return 0;
}

/* ---- on the machine ---- */

/* Is PATH /lib of a machine with a merged /usr, the same directory as a /usr/lib that is no link? */
static bool is_alias(const struct mf_context *ctx, const char *path)
{
	_cleanup_close_ int lib = -1, usr_lib = -1;
	struct stat a, b;

	if (strcmp(path, "/lib"))
		return false;
	lib = mf_context_open(ctx, "/lib", O_PATH | O_DIRECTORY);
	usr_lib = mf_context_open(ctx, "/usr/lib", O_PATH | O_DIRECTORY | O_NOFOLLOW);
	return lib >= 0 && usr_lib >= 0 && !fstat(lib, &a) && !fstat(usr_lib, &b) &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/*
 * Checks STEP, a leading part of PATH. 0: a directory, or the alias; 1: it does not exist, or it is
 * a file that owners.c refuses; a failure, recorded.
 */
static int check_component(struct contents *c, size_t package, const char *step, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(c->ctx, step, O_PATH | O_NOFOLLOW);
	const char *name = c->headers[package]->name;
	struct stat st;

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 1;
	if (fd < 0 || fstat(fd, &st) < 0)
		return mf_fail(c->ctx, MF_STAGE_INSTALL, fd < 0 ? fd : -errno, name,
			       "%s cannot be examined", step);
	if (!S_ISLNK(st.st_mode) || is_alias(c->ctx, step))
		return S_ISREG(st.st_mode);
	return mf_fail(c->ctx, MF_STAGE_INSTALL, -MFE_FILE_EXISTS, name,
		       "%s leads through %s, which is a link on this machine; make it a directory "
		       "(a bind mount works), or do not install this package",
		       path, step);
}

static size_t parent_length(const char *path)
{
	return (size_t)(strrchr(path, '/') - path);
}

/* Checks each component of the directory in the first LEN bytes of PATH. */
static int contents_check_leading(struct contents *c, size_t package, const char *path, size_t len)
{
	_cleanup_free_ char *leading = strndup(path, len);
	int r = 0;

	if (!leading)
		return mf_fail(c->ctx, MF_STAGE_INSTALL, -ENOMEM, path, NULL);
	if (c->checked && !strcmp(c->checked, leading))
		return 0;
	for (size_t i = 1; !r && i <= len; i++) {
		if (leading[i] && leading[i] != '/')
			continue;
		leading[i] = '\0';
		r = check_component(c, package, leading, path);
		leading[i] = path[i];
	}
	if (r < 0)
		return r;
	leading[len] = '\0';
	free(c->checked);
	c->checked = MF_STEAL(leading);
	return 0;
}

static int check_directory(struct contents *c, size_t package, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(c->ctx, path, O_PATH | O_DIRECTORY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 ||
	    ((st.st_mode & 07777) == 0755 && !st.st_uid && !st.st_gid))
		return 0;
	return mf_fail(
		c->ctx, MF_STAGE_INSTALL, -MFE_FILE_EXISTS, c->headers[package]->name,
		"the directory %s has mode %04o and owner %u:%u, and rpm would change them to "
		"0755 and root:root; change them yourself, or do not install this package",
		path, st.st_mode & 07777, st.st_uid, st.st_gid);
}

static int contents_check_file(struct contents *c, size_t package, const struct mf_rpm_file *file)
{
	bool directory = S_ISDIR(file->mode);
	size_t len = directory ? strlen(file->path) : parent_length(file->path);
	int r = check_against_packages(c, package, mf_without_usr(file->path), directory);

	if (!r && len)
		r = contents_check_leading(c, package, file->path, len);
	return r || !directory ? r : check_directory(c, package, file->path);
}

int mf_contents_check(struct mf_context *ctx, const struct mf_rpm_header *const *headers, size_t n)
{
	struct contents c = { .ctx = ctx, .headers = headers, .n = n };
	int r = collect_files(&c);

	for (size_t i = 0; !r && i < n; i++)
		for (size_t j = 0; !r && j < headers[i]->n_files; j++)
			r = contents_check_file(&c, i, &headers[i]->files[j]);
	mf_table_done(&c.owners);
	free(c.checked);
	return r;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Directories that were there before.
 *
 * A package may list directories. Those that are not there rpm makes; of one that is there it sets
 * the time, and when the last package that lists it goes it removes the directory if that is empty,
 * whoever made it. rpm has no way to leave a directory alone without its files. So the state of each
 * is noted before the transaction and put back after it. Owner and mode need not be put back: a
 * package whose directory differs in these from the machine's is refused (contents.c).
 *
 * A directory that our own transactions have made (directories.c) is ours to remove. One that a file
 * comes into or leaves has changed, and must show it: depmod goes by that.
 *
 * A run that is killed between may leave a directory with the package's time, or an empty one
 * missing. What is not there any more is looked for by path: these are directories that nobody but
 * root can replace.
 */
#include "directory-modes.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"
#include "directories.h"

struct directory {
	char *path;
	struct stat st;
};

struct mf_directory_modes {
	struct mf_context *ctx;
	struct directory *v;
	size_t n, room;
	struct mf_strings ours;	   /* made by our transactions, sorted */
	struct mf_strings changed; /* something comes into them, or goes */
};

int mf_directory_modes_new(struct mf_context *ctx, struct mf_directory_modes **ret_standing)
{
	struct mf_directory_modes *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->ctx = ctx;
	/* without the list each directory counts as somebody's */
	(void)mf_directories_read(ctx, &s->ours);
	*ret_standing = s;
	return 0;
}

void mf_directory_modes_free(struct mf_directory_modes *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].path);
	free(s->v);
	mf_strings_done(&s->ours);
	mf_strings_done(&s->changed);
	free(s);
}

/* ---- before ---- */

static bool modes_is_there(const struct mf_context *ctx, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_PATH | O_NOFOLLOW);

	return fd >= 0;
}

static int modes_add_directory(struct mf_directory_modes *s, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(s->ctx, path, O_PATH | O_DIRECTORY);
	struct stat st;

	/* one that is not there, or cannot be looked at, is not put back */
	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	if (s->n == s->room) {
		size_t room = s->room ? s->room * 2 : 16;
		struct directory *more = reallocarray(s->v, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		s->v = more;
		s->room = room;
	}
	s->v[s->n] = (struct directory){ .path = strdup(path), .st = st };
	return s->v[s->n].path ? (s->n++, 0) : -ENOMEM;
}

static int modes_add_changed(struct mf_directory_modes *s, const char *path)
{
	const char *plain = mf_without_usr(path), *slash = strrchr(plain, '/');
	_cleanup_free_ char *parent = strndup(plain, slash ? (size_t)(slash - plain) : 0);

	return parent ? mf_strings_add_unique(&s->changed, parent) : -ENOMEM;
}

static int modes_note(struct mf_directory_modes *s, const struct mf_rpm_header *header, bool leaves)
{
	int r = 0;

	for (size_t i = 0; !r && i < header->n_files; i++) {
		const struct mf_rpm_file *file = &header->files[i];
		bool ours = leaves && mf_strings_has(&s->ours, mf_without_usr(file->path));

		if (S_ISDIR(file->mode) && !ours && modes_is_there(s->ctx, file->path))
			r = modes_add_directory(s, file->path);
		else
			r = modes_add_changed(s, file->path);
	}
	return r < 0 ? mf_fail(s->ctx, "install", r, header->name, NULL) : 0;
}

int mf_directory_modes_arrives(struct mf_directory_modes *standing,
			       const struct mf_rpm_header *header)
{
	return modes_note(standing, header, false);
}

int mf_directory_modes_leaves(struct mf_directory_modes *standing,
			      const struct mf_rpm_header *header)
{
	return modes_note(standing, header, true);
}

/* ---- after ---- */

static int make_again(const struct mf_context *ctx, const struct directory *d)
{
	_cleanup_close_ int fd = mf_context_mkdir(ctx, d->path);

	if (fd < 0)
		return fd;
	return fchown(fd, d->st.st_uid, d->st.st_gid) < 0 || fchmod(fd, d->st.st_mode & 07777) < 0
		       ? -errno
		       : 0;
}

static int put_times(const struct mf_directory_modes *s, const struct directory *d)
{
	bool changed = mf_strings_has(&s->changed, mf_without_usr(d->path));
	const struct timespec times[2] = {
		changed ? (struct timespec){ .tv_nsec = UTIME_OMIT } : d->st.st_atim,
		changed ? (struct timespec){ .tv_nsec = UTIME_NOW } : d->st.st_mtim,
	};
	_cleanup_close_ int fd = mf_context_open(s->ctx, d->path, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return fd;
	return futimens(fd, times) < 0 ? -errno : 0;
}

static void complain(const struct mf_directory_modes *s, const struct directory *d, int error)
{
	if (error < 0)
		mf_log(s->ctx, MF_LOG_WARNING, "install: %s: cannot be put back: %s", d->path,
		       mf_error_sentence(error));
}

void mf_directory_modes_restore(struct mf_directory_modes *s)
{
	/* a package lists a directory before what is in it; and to make one changes the one around */
	for (size_t i = 0; i < s->n; i++)
		if (!modes_is_there(s->ctx, s->v[i].path))
			complain(s, &s->v[i], make_again(s->ctx, &s->v[i]));
	for (size_t i = s->n; i > 0; i--)
		complain(s, &s->v[i - 1], put_times(s, &s->v[i - 1]));
}
